"""Drawing of a recipe's weights in a panel: their menu, and how to install them."""

from __future__ import annotations

import bpy
from bpy.types import Context, Menu, UILayout

from ..addon import weights
from ..addon.properties import ClipMatting
from ..engine.shared.catalogue import PublishedWeights, published_for, size_in_words
from .status import draw_text


class CLIP_MT_matte_weights(Menu):
    """Third-party models that the method can run with"""

    bl_label = "Model"

    def draw(self, context: Context) -> None:
        matting = context.space_data.clip.matting
        self.layout.prop_enum(matting, "weights", weights.ANY)
        for entry in published_for(matting.recipe):
            name = f"{entry.name} (installed)" if weights.is_installed(entry) else entry.name
            self.layout.prop_enum(matting, "weights", entry.name, text=name)


def draw_weights(layout: UILayout, matting: ClipMatting) -> None:
    """Draw a menu of the recipe's weights, and buttons to install the chosen ones if they are missing."""
    entry = weights.weights_for(matting.recipe, matting.weights)
    if entry is None:
        return
    row = layout.row().split(factor=0.4)
    row.label(text="Model")
    row.menu("CLIP_MT_matte_weights", text=entry.name)
    if not weights.is_installed(entry):
        _draw_missing(layout.box(), entry)


def _draw_missing(layout: UILayout, entry: PublishedWeights) -> None:
    draw_text(layout, f"Model {entry.name} is not installed", icon="ERROR")
    draw_text(layout, f"{size_in_words(entry.size)}. Licence: {entry.licence}")
    row = layout.row(align=True)
    if entry.address:
        download = row.row(align=True)
        download.enabled = bpy.app.online_access
        download.operator("clip.matte_weights_download", text="Download", icon="IMPORT").name = entry.name
    else:
        row.operator("wm.url_open", text="Web Page", icon="URL").url = entry.page
    row.operator("clip.matte_weights_import", text="Import File", icon="FILE_FOLDER").name = entry.name
    if not entry.address:
        draw_text(layout, "Download the file with your browser, and import it", icon="INFO")
    elif not bpy.app.online_access:
        draw_text(layout, "To download, enable Allow Online Access in Preferences > System", icon="INTERNET_OFFLINE")


CLASSES = (CLIP_MT_matte_weights,)
