"""The weights that a recipe runs on, as rows of a panel: which, and how to get them if they are not there."""

from __future__ import annotations

import bpy
from bpy.types import Context, Menu, UILayout

from ..addon import weights
from ..addon.properties import ClipMatting
from ..engine.shared.catalogue import PublishedWeights, published_for, size_in_words
from .status import draw_text


class CLIP_MT_matte_weights(Menu):
    """Which of the published weights the recipe's network uses"""

    bl_label = "Weights"

    def draw(self, context: Context) -> None:
        matting = context.space_data.clip.matting
        self.layout.prop_enum(matting, "weights", weights.ANY)
        for entry in published_for(matting.recipe):
            name = f"{entry.name} (installed)" if weights.is_installed(entry) else entry.name
            self.layout.prop_enum(matting, "weights", entry.name, text=name)


def draw_weights(layout: UILayout, matting: ClipMatting, *, busy: bool) -> None:
    """A menu of the weights that the recipe can run on; and the way to those that are wanted and not installed."""
    entry = weights.wanted(matting.recipe, matting.weights)
    if entry is None:
        return
    there = weights.is_installed(entry)
    row = layout.row().split(factor=0.4)
    row.label(text="Weights")
    row.menu("CLIP_MT_matte_weights", text=entry.name)
    if not there:
        _draw_missing(layout.box(), entry, busy=busy)


def _draw_missing(layout: UILayout, entry: PublishedWeights, *, busy: bool) -> None:
    draw_text(layout, f"Weights {entry.name} are not installed", icon="ERROR")
    draw_text(layout, f"{size_in_words(entry.size)}. Licence: {entry.licence}")
    row = layout.row(align=True)
    row.enabled = not busy
    if entry.address:
        download = row.row(align=True)
        download.enabled = bpy.app.online_access
        download.operator("clip.matte_weights_download", text="Download", icon="IMPORT").name = entry.name
    else:
        row.operator("wm.url_open", text="Web Page", icon="URL").url = entry.page
    row.operator("clip.matte_weights_import", text="Import File", icon="FILE_FOLDER").name = entry.name
    if not entry.address:
        draw_text(layout, "Get the file with your browser, and import it", icon="INFO")
    elif not bpy.app.online_access:
        draw_text(layout, "To download, allow online access in Preferences > System", icon="INTERNET_OFFLINE")


CLASSES = (CLIP_MT_matte_weights,)
