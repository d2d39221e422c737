"""Panel and list of the stretches of frames whose mattes need a fix."""

from __future__ import annotations

from bpy.types import Context, MovieClip, Panel, UILayout, UIList

from ..addon import quality, quality_list
from ..addon.folders import results
from ..addon.objects import find_object
from ..engine.shared.stretches import counted_to_fix
from .panel import ClipPanel
from .status import draw_text


class CLIP_UL_matte_fixes(UIList):
    """List of stretches to fix: object and frames, and below the reason, or that a keyframe was set there."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index=0, flag=0) -> None:
        matte_object = find_object(context.space_data.clip, item.object_id)
        column = layout.column(align=True)
        row = column.row(align=True)
        if matte_object is not None:
            colour = row.row()
            colour.ui_units_x = 0.5
            colour.prop(matte_object, "colour", text="")
        row.label(text=item.name)
        frames = row.row(align=True)
        frames.alignment = "RIGHT"
        frames.label(text=frames_text(item.first, item.last), icon="CHECKMARK" if item.corrected else "NONE")
        words = column.row(align=True)
        words.active = False
        words.label(text="corrected, propagate again" if item.corrected else item.words)

    def filter_items(self, context, data, property) -> tuple[list[int], list[int]]:
        uid = context.space_data.clip.session_uid
        words = self.filter_name.casefold()
        shown = (row.clip_uid == uid and words in row.name.casefold() for row in data.rows)
        return [self.bitflag_filter_item if show else 0 for show in shown], []


class CLIP_PT_matte_fixes(ClipPanel, Panel):
    bl_label = ""  # the header says how many there are

    def draw_header(self, context: Context) -> None:
        count = quality_list.watch(context.space_data.clip)
        self.layout.label(text=counted_to_fix(count) if count else "To Fix")

    def draw(self, context: Context) -> None:
        clip, layout = context.space_data.clip, self.layout
        if not results(clip).numbers:
            layout.label(text="Propagate first", icon="INFO")
            return
        found = quality.summary(clip)
        if found is None:
            layout.label(text="Reading the mattes' quality", icon="TIME")
            return
        sentences = quality.unknown_sentences(clip)
        if quality.to_fix(clip):
            _draw_list(layout, clip)
        elif found.computed:
            layout.label(text="Nothing to fix", icon="CHECKMARK")
        elif not sentences:  # all are the user's own, or empty because no keyframe reaches them
            layout.label(text="No mattes to judge", icon="INFO")
        for sentence in sentences:
            draw_text(layout.box(), sentence, icon="INFO")


def _draw_list(layout: UILayout, clip: MovieClip) -> None:
    listed = quality_list.fixes()
    row = layout.row()
    row.template_list("CLIP_UL_matte_fixes", "", listed, "rows", listed, "active", rows=3)
    column = row.column(align=True)
    column.operator("clip.matte_fix_jump", text="", icon="TRIA_UP").to = "PREVIOUS"
    column.operator("clip.matte_fix_jump", text="", icon="TRIA_DOWN").to = "NEXT"
    column.separator()
    active = listed.active
    accept = column.operator("clip.matte_accept", text="", icon="CHECKMARK")
    if active >= 0:  # else the current frame of the active object
        chosen = listed.rows[active]
        accept.object_id, accept.first, accept.last = chosen.object_id, chosen.first, chosen.last


def frames_text(first: int, last: int) -> str:
    """Return a range of frames: "24-47" with an en dash, or "24" if it has one frame."""
    return f"{first}\N{EN DASH}{last}" if first < last else str(first)


CLASSES = (CLIP_UL_matte_fixes, CLIP_PT_matte_fixes)
