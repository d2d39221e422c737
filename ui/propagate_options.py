"""Panel of the settings of Propagate that are seldom changed."""

from __future__ import annotations

from bpy.types import Context, Panel, UILayout

from ..addon import recipes, tracks
from ..addon.properties import ClipMatting
from .panel import ClipPanel


class CLIP_PT_matte_propagate_options(ClipPanel, Panel):
    bl_label = "Options"
    bl_parent_id = "CLIP_PT_matte_propagate"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Context) -> None:
        column, clip = self.layout.column(), context.space_data.clip
        matting = clip.matting
        if matting.recipe in recipes.ADAPT:
            column.prop(matting, "adapt")
        column.prop(matting, "across_cuts")
        if matting.recipe in recipes.FOLLOWS:
            column.prop(matting, "follow_small")
        if tracks.is_stabilized(clip):
            column.prop(matting, "stabilized")
        _draw_early_end(column, matting)


def _draw_early_end(layout: UILayout, matting: ClipMatting) -> None:
    """Draw where Propagate stops before it has reached the next keyframe."""
    row = layout.row(align=True)
    row.prop(matting, "early_frames")
    within = row.row(align=True)
    within.ui_units_x = 3.6
    within.active = matting.early_frames > 0
    within.prop(matting, "early_percent", text="")


CLASSES = (CLIP_PT_matte_propagate_options,)
