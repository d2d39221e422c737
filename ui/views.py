"""Panel of the view of a clip with its mattes."""

from __future__ import annotations

from bpy.types import CLIP_MT_view, Context, Menu, Panel

from ..addon import wipe
from ..addon.matte_views import WITH_OPACITY
from .panel import ClipPanel
from .status import draw_text


class CLIP_PT_matte_view(ClipPanel, Panel):
    bl_label = "View"
    bl_parent_id = "CLIP_PT_matte_objects"
    bl_options = {"DEFAULT_CLOSED"}  # what is changed often is in its header

    def draw_header_preset(self, context: Context) -> None:
        matting = context.space_data.clip.matting
        row = self.layout.row(align=True)
        row.prop(matting, "show_overlay", text="", icon="OVERLAY")
        row.prop(matting, "show_lane", text="", icon="SEQ_STRIP_META")
        view = row.row(align=True)
        view.active = matting.show_overlay
        view.prop(matting, "view", text="")

    def draw(self, context: Context) -> None:
        clip = context.space_data.clip
        matting = clip.matting
        setting = self.layout.row(align=True)
        setting.active = matting.show_overlay
        if matting.view in WITH_OPACITY:
            setting.prop(matting, "opacity", slider=True)
        elif matting.view == "COLOUR":
            setting.prop(matting, "view_colour")
        compare = self.layout.column(align=True)
        compare.operator("clip.matte_before_after", icon="MOD_MIRROR", depress=matting.show_before)
        if reason := wipe.refusal(clip):
            draw_text(compare, reason, icon="INFO")


def extend_menus() -> None:
    """Add the ways to look at mattes to Blender's menu of views, where their keys can be read."""
    CLIP_MT_view.append(_draw_menu)


def restore_menus() -> None:
    """Remove them."""
    CLIP_MT_view.remove(_draw_menu)


def _draw_menu(menu: Menu, context: Context) -> None:
    menu.layout.separator()
    menu.layout.operator("clip.matte_view_cycle")
    menu.layout.operator("clip.matte_before_after")


CLASSES = (CLIP_PT_matte_view,)
