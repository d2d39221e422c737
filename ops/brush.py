"""Operators that set the brush: its radius with the mouse or by steps, and the tool of the next stroke."""

from __future__ import annotations

import numpy as np
from bpy.props import EnumProperty, FloatProperty
from bpy.types import Context, Event, Operator

from ..addon import canvas
from ..addon.brush import MAX_RADIUS, MIN_RADIUS
from ..addon.brush_settings import TOOL_ITEMS, settings
from ..addon.listening import redraw
from ..engine.shared.errors import ClipUnreadable
from .common import ClipOperator, is_over_clip, mouse_pixels


class _BrushOperator(ClipOperator):
    """Operator on the brush's settings, whose key acts only while painting is on."""

    changes_clip = False

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not settings().use_paint:
            cls.poll_message_set("Turn Paint on first")
            return False
        return super().poll(context)


class CLIP_OT_matte_brush_radius(_BrushOperator, Operator):
    """Set the brush's radius by moving the mouse"""

    bl_idname = "clip.matte_brush_radius"
    bl_label = "Brush Radius"
    bl_options = {"REGISTER"}

    radius: FloatProperty(
        name="Radius", min=MIN_RADIUS, max=MAX_RADIUS, default=25.0, subtype="PIXEL", options={"SKIP_SAVE"}
    )

    def run(self, context: Context) -> str:
        settings().radius = self.radius
        return ""

    def invoke(self, context: Context, event: Event) -> set[str]:
        if not is_over_clip(context):
            return {"PASS_THROUGH"}
        self._radius = settings().radius
        try:
            x, y = mouse_pixels(context, event)
        except ClipUnreadable as error:
            self.report({"ERROR"}, error.sentence())
            return {"CANCELLED"}
        canvas.radius_from = (x - self._radius, y)  # so that the circle passes through the mouse at first
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: Context, event: Event) -> set[str]:
        is_pressed = event.value == "PRESS"
        if not self.poll(context) or (event.type in ("ESC", "RIGHTMOUSE") and is_pressed):
            settings().radius = self._radius
            return self._end(context, {"CANCELLED"})
        if event.type in ("LEFTMOUSE", "RET", "NUMPAD_ENTER", "F") and is_pressed:
            return self._end(context, {"FINISHED"})
        if event.type == "MOUSEMOVE" and canvas.radius_from is not None:
            try:
                x, y = mouse_pixels(context, event)
            except ClipUnreadable:  # the file has just gone
                return {"RUNNING_MODAL"}
            settings().radius = float(np.hypot(x - canvas.radius_from[0], y - canvas.radius_from[1]))
            context.area.header_text_set(f"Radius: {settings().radius:.1f} pixels")
        return {"RUNNING_MODAL"}

    def cancel(self, context: Context) -> None:
        """Restore the radius, since Blender closes the editor."""
        settings().radius = self._radius
        canvas.radius_from = None

    def _end(self, context: Context, result: set[str]) -> set[str]:
        canvas.radius_from = None
        if context.area is not None:
            context.area.header_text_set(None)
        redraw()
        return result


class CLIP_OT_matte_brush_scale(_BrushOperator, Operator):
    """Make the brush smaller or larger"""

    bl_idname = "clip.matte_brush_scale"
    bl_label = "Scale Brush"
    bl_options = {"REGISTER"}

    factor: FloatProperty(name="Factor", min=0.01, max=100.0, default=1.25, options={"SKIP_SAVE"})

    def run(self, context: Context) -> str:
        settings().radius *= self.factor
        redraw()
        return ""


class CLIP_OT_matte_brush_tool(_BrushOperator, Operator):
    """Use the lasso or the fill for the next stroke, or go back to the brush"""

    bl_idname = "clip.matte_brush_tool"
    bl_label = "Tool for Next Stroke"
    bl_options = {"REGISTER"}

    tool: EnumProperty(name="Tool", items=TOOL_ITEMS[1:], options={"SKIP_SAVE"})  # without the brush

    def run(self, context: Context) -> str:
        chosen = settings()
        chosen.tool = "BRUSH" if chosen.tool == self.tool else self.tool
        chosen.once = chosen.tool != "BRUSH"
        redraw()
        return ""


CLASSES = (CLIP_OT_matte_brush_radius, CLIP_OT_matte_brush_scale, CLIP_OT_matte_brush_tool)
