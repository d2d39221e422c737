"""Choice of the view of a clip with its mattes."""

from __future__ import annotations

from bpy.types import UILayout

from ..addon.matte_views import WITH_OPACITY
from ..addon.properties import ClipMatting


def draw_view(layout: UILayout, matting: ClipMatting) -> None:
    """Draw the choice of the view, and the setting that the view has."""
    column = layout.column(align=True)
    row = column.row(align=True)
    row.prop(matting, "show_overlay", text="", icon="OVERLAY")
    view = row.row(align=True)
    view.active = matting.show_overlay
    view.prop(matting, "view", text="")
    if matting.view in WITH_OPACITY:
        setting = column.row(align=True)
        setting.active = matting.show_overlay
        setting.prop(matting, "opacity", slider=True)
    elif matting.view == "COLOUR":
        setting = column.row(align=True)
        setting.active = matting.show_overlay
        setting.prop(matting, "view_colour")
