"""Panel of painting: its switch, the brush, what a frame can start from, and snapping."""

from __future__ import annotations

from bpy.types import Context, Menu, MovieClip, Panel, UILayout

from ..addon import snapping, unstored
from ..addon.brush_settings import settings
from ..addon.objects import active_object
from .panel import ClipPanel
from .status import draw_text

_LABEL = 0.32  # of the width of a row of buttons


class CLIP_MT_matte_start_from_object(Menu):
    """Start the active object from another one on the current frame."""

    bl_label = "Object"

    def draw(self, context: Context) -> None:
        clip = context.space_data.clip
        active = active_object(clip)
        others = [item for item in clip.matting.objects if item != active]
        for item in others:
            self.layout.operator("clip.matte_start_from_object", text=item.name).source = item.object_id
        if not others:
            self.layout.label(text="No other object")


class CLIP_PT_matte_paint(ClipPanel, Panel):
    bl_label = "Paint"

    def draw(self, context: Context) -> None:
        layout, clip, chosen = self.layout, context.space_data.clip, settings()
        if unstored.all_kept():
            _draw_unstored(layout.box())
        switch = layout.row()
        switch.scale_y = 1.3
        switch.operator("clip.matte_paint_mode", icon="BRUSH_DATA", depress=chosen.use_paint)
        if chosen.use_paint:
            _draw_brush(layout.column(align=True))
        column = layout.column()
        _draw_starts(column)
        _draw_snap(column, clip)
        _draw_outcome(layout, clip)


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


def _draw_starts(layout: UILayout) -> None:
    column = _labelled(layout, "Start from").column(align=True)
    row = column.row(align=True)
    row.operator("clip.matte_start_from_keyframe", text="Previous").which = "PREVIOUS"
    row.operator("clip.matte_start_from_keyframe", text="Next").which = "NEXT"
    row = column.row(align=True)
    row.operator("clip.matte_start_empty", text="Empty")
    row.menu("CLIP_MT_matte_start_from_object", text="Object")


def _labelled(layout: UILayout, text: str) -> UILayout:
    """Draw a label, and return the layout beside it."""
    split = layout.split(factor=_LABEL)
    split.label(text=text)
    return split


def _draw_snap(layout: UILayout, clip: MovieClip) -> None:
    row = _labelled(layout, "Snap").row(align=True)
    row.enabled = not snapping.is_pending(clip)
    row.operator("clip.matte_snap", text="Keyframe").strokes = False
    row.operator("clip.matte_snap", text="Strokes").strokes = True


def _draw_outcome(layout: UILayout, clip: MovieClip) -> None:
    """Draw what became of the clip's last snap."""
    if snapping.is_pending(clip):
        draw_text(layout, "Snapping", icon="TIME")
    elif snapping.outcome.clip_uid == clip.session_uid:
        error = snapping.outcome.error
        draw_text(layout, error.sentence() if error else snapping.outcome.text, icon="ERROR" if error else "CHECKMARK")


def _draw_unstored(box: UILayout) -> None:
    count = len(unstored.all_kept())
    draw_text(box, f"{count} painted keyframe{'s' if count > 1 else ''} could not be stored", icon="ERROR")
    row = box.row(align=True)
    row.operator("clip.matte_store_again", icon="FILE_REFRESH")
    row.operator("clip.matte_discard_unstored", text="Discard", icon="TRASH")


CLASSES = (CLIP_MT_matte_start_from_object, CLIP_PT_matte_paint)
