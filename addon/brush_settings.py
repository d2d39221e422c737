"""Settings of painting, on Blender's window manager: whether it is on, the tool, and the brush."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, PointerProperty
from bpy.types import Context, PropertyGroup

from . import brush
from .listening import redraw

STATUS = (
    "Paint: drag to add, Ctrl or eraser to remove, Shift for a straight line, Shift+click from the last stroke's end"
    "  |  F, [ and ]: radius  |  L: lasso (Ctrl: cut)  |  G: fill (Ctrl: empty)  |  Esc or Enter: leave"
)
TOOL_ITEMS = (
    ("BRUSH", "Brush", "Paint with a round brush", "BRUSH_DATA", 0),
    ("LASSO", "Lasso", "Draw an outline, which is filled on release", "STROKE", 1),
    ("FILL", "Fill", "Click to fill a closed region or a hole", "IMAGE", 2),
)

_OF_BRUSH = ("tool", "mode", "radius", "hardness", "use_pressure", "use_snap")
_kept: dict[str, str | float | bool] = {}


def _paint_changed(chosen: MatteBrush, context: Context) -> None:
    show_status()


def _tool_changed(chosen: MatteBrush, context: Context) -> None:
    chosen.property_unset("once")  # a tool that was chosen by hand stays


class MatteBrush(PropertyGroup):
    """Settings of painting. They belong to no clip, and undo does not touch them."""

    use_paint: BoolProperty(
        name="Paint",
        description="Whether the mouse paints in clip editors",
        default=False,
        update=_paint_changed,
        options={"SKIP_SAVE"},
    )
    tool: EnumProperty(
        name="Tool",
        description="What dragging the mouse does",
        items=TOOL_ITEMS,
        default="BRUSH",
        update=_tool_changed,
    )
    once: BoolProperty(
        name="Once", description="Go back to the brush after the next stroke", default=False, options={"SKIP_SAVE"}
    )
    mode: EnumProperty(
        name="Mode",
        description="What a stroke does. Ctrl or the pen's eraser does the opposite",
        items=(
            ("ADD", "Add", "Add to the object", "ADD", 0),
            ("REMOVE", "Remove", "Remove from the object", "REMOVE", 1),
        ),
        default="ADD",
    )
    radius: FloatProperty(
        name="Radius",
        description="Radius of the brush in pixels of the clip",
        subtype="PIXEL",
        min=brush.MIN_RADIUS,
        soft_max=500.0,
        max=brush.MAX_RADIUS,
        default=25.0,
        precision=1,
    )
    hardness: FloatProperty(
        name="Hardness",
        description="How sharp the brush's edge is. A soft edge fades around the brush's circle, where it is half",
        subtype="FACTOR",
        min=0.0,
        max=1.0,
        default=1.0,
    )
    use_pressure: BoolProperty(
        name="Pressure", description="Let the pressure of a pen change the brush's radius", default=True
    )
    use_snap: BoolProperty(
        name="Snap to Edges",
        description="Fit what you draw to the edges in the picture when you release the mouse. Draw around the object "
        "with the lasso, or mark it with the brush",
        default=False,
    )


def settings() -> MatteBrush:
    """Return the settings of painting."""
    return bpy.context.window_manager.matte_brush


def show_status() -> None:
    """Name painting's keys in the status bar while it is on, and redraw the clip editors."""
    is_on = settings().use_paint
    for workspace in bpy.data.workspaces:
        workspace.status_text_set(STATUS if is_on else None)
    redraw()


def keep() -> None:
    """Keep the brush for the next file, whose window manager would have another one."""
    global _kept
    chosen = settings()
    _kept = {name: getattr(chosen, name) for name in _OF_BRUSH}
    if chosen.once:
        _kept["tool"] = "BRUSH"


def restore() -> None:
    """Take up the brush that was kept, and leave painting, since a file was loaded."""
    turn_off()
    for name, value in _kept.items():
        setattr(settings(), name, value)


def turn_off() -> None:
    """Leave painting in all window managers, such as that of a file that was saved while painting."""
    for manager in bpy.data.window_managers:
        if manager.matte_brush.use_paint:
            manager.matte_brush.use_paint = False


def register() -> None:
    """Register the settings, and add them to the window manager as `matte_brush`."""
    bpy.utils.register_class(MatteBrush)
    bpy.types.WindowManager.matte_brush = PointerProperty(type=MatteBrush)


def unregister() -> None:
    """Leave painting, and remove the settings."""
    turn_off()
    del bpy.types.WindowManager.matte_brush
    bpy.utils.unregister_class(MatteBrush)
