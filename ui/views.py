"""Panel of the view of a clip with its mattes."""

from __future__ import annotations

from bpy.types import Context, Panel

from ..addon.matte_views import WITH_OPACITY
from .panel import ClipPanel


class CLIP_PT_matte_view(ClipPanel, Panel):
    bl_label = "View"
    bl_parent_id = "CLIP_PT_matte_objects"

    def draw(self, context: Context) -> None:
        matting = context.space_data.clip.matting
        column = self.layout.column(align=True)
        row = column.row(align=True)
        row.prop(matting, "show_overlay", text="", icon="OVERLAY")
        row.prop(matting, "show_lane", text="", icon="SEQ_STRIP_META")
        view = row.row(align=True)
        view.active = matting.show_overlay
        view.prop(matting, "view", text="")
        setting = column.row(align=True)
        setting.active = matting.show_overlay
        if matting.view in WITH_OPACITY:
            setting.prop(matting, "opacity", slider=True)
        elif matting.view == "COLOUR":
            setting.prop(matting, "view_colour")


CLASSES = (CLIP_PT_matte_view,)
