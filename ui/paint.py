"""Drawing of painting's settings in a panel, and the menu of objects to start from."""

from __future__ import annotations

from bpy.types import Context, Menu, UILayout

from ..addon import unstored
from ..addon.brush_settings import settings
from ..addon.objects import active_object
from .status import draw_text


class CLIP_MT_matte_start_from_object(Menu):
    bl_label = "Start from Object"

    def draw(self, context: Context) -> None:
        clip = context.space_data.clip
        active = active_object(clip)
        others = [item for item in clip.matting.objects if item != active]
        for item in others:
            self.layout.operator("clip.matte_start_from_object", text=item.name).source = item.object_id
        if not others:
            self.layout.label(text="No other object")


def draw_paint(layout: UILayout, context: Context) -> None:
    """Draw the switch of painting, the brush while it is on, and what a frame can start from."""
    chosen = settings()
    if unstored.all_kept():
        _draw_unstored(layout.box())
    switch = layout.row()
    switch.scale_y = 1.3
    switch.operator("clip.matte_paint_mode", icon="BRUSH_DATA", depress=chosen.use_paint)
    if chosen.use_paint:
        _draw_brush(layout.column(align=True))
    halves = layout.split(factor=0.32)
    halves.label(text="Start from")
    row = halves.row(align=True)
    row.enabled = active_object(context.space_data.clip) is not None
    row.operator("clip.matte_start_from_keyframe", text="", icon="TRIA_LEFT").which = "PREVIOUS"
    row.operator("clip.matte_start_empty", text="Empty")
    row.operator("clip.matte_start_from_keyframe", text="", icon="TRIA_RIGHT").which = "NEXT"
    row.menu("CLIP_MT_matte_start_from_object", text="", icon="COPYDOWN")


def _draw_brush(column: UILayout) -> None:
    chosen = settings()
    column.row(align=True).prop(chosen, "tool", expand=True)
    column.row(align=True).prop(chosen, "mode", expand=True)
    if chosen.tool == "BRUSH":
        row = column.row(align=True)
        row.prop(chosen, "radius")
        row.prop(chosen, "use_pressure", text="", icon="STYLUS_PRESSURE")
        column.prop(chosen, "hardness", slider=True)
    if chosen.tool != "FILL":
        column.prop(chosen, "use_snap", icon="SNAP_ON", toggle=True)


def _draw_unstored(box: UILayout) -> None:
    count = len(unstored.all_kept())
    draw_text(box, f"{count} painted keyframe{'s' if count > 1 else ''} could not be stored", icon="ERROR")
    row = box.row(align=True)
    row.operator("clip.matte_store_again", icon="FILE_REFRESH")
    row.operator("clip.matte_discard_unstored", icon="TRASH")


CLASSES = (CLIP_MT_matte_start_from_object,)
