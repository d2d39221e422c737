"""The extension's preferences: which Python the engine runs on, on which device, where mattes and weights go."""

from __future__ import annotations

import textwrap

import bpy
from bpy.props import EnumProperty, StringProperty
from bpy.types import AddonPreferences, Context, UILayout

from ..engine.shared.catalogue import PublishedWeights, default_folder, size_in_words
from . import PACKAGE, weights
from .status import progress_text

DEVICES = (
    ("auto", "Automatic", "The graphics card if PyTorch can use it, else the processor"),
    ("cpu", "Processor", "The processor, on any computer"),
    ("cuda", "CUDA", "An NVIDIA or AMD graphics card"),
    ("mps", "Metal", "The graphics part of an Apple processor"),
)
_WIDTH = 90  # characters in a line of the preferences


class KeymattePreferences(AddonPreferences):
    """Kept with Blender's preferences, for all files."""

    bl_idname = PACKAGE

    engine_python: StringProperty(
        name="Python",
        description="A Python interpreter that has PyTorch. Empty: the environment installed by the button below",
        subtype="FILE_PATH",
    )
    device: EnumProperty(name="Device", description="Where the engine computes", items=DEVICES, default="auto")
    cache_folder: StringProperty(
        name="Cache",
        description="Where keyframes and mattes of unsaved files are kept. Empty: in the extension's own folder. "
        "Those of saved files lie beside the file",
        subtype="DIR_PATH",
    )
    weights_folder: StringProperty(
        name="Weights",
        description="Where weights that others have published are installed. Empty: the same folder among your user's "
        "data that the command line uses",
        subtype="DIR_PATH",
    )

    def draw(self, context: Context) -> None:
        column = self.layout.column()
        column.use_property_split = True
        column.prop(self, "engine_python")
        column.prop(self, "device")
        column.prop(self, "cache_folder")
        row = self.layout.row()
        row.operator("clip.matte_install_engine", icon="IMPORT")
        row.operator("clip.matte_test_engine", icon="CHECKMARK")
        self._draw_weights()
        self._draw_status()

    def _draw_weights(self) -> None:
        box = self.layout.box()
        box.label(text="Weights that others have published, for the recipes of their methods")
        row = box.row()
        row.use_property_split = True
        row.prop(self, "weights_folder", text="Folder", placeholder=str(default_folder()))
        column = box.column(align=True)
        for entry in weights.OFFERED:
            _draw_entry(column, entry)
        if not bpy.app.online_access:
            box.label(text="To download, allow online access in the section System", icon="INTERNET_OFFLINE")

    def _draw_status(self) -> None:
        from .session import session  # the session reads these preferences

        status = session.status
        if status.busy:
            row = self.layout.row(align=True)
            row.progress(factor=status.progress, text=progress_text(status))
            row.operator("clip.matte_cancel", text="", icon="X")
        elif status.text:
            self.layout.label(text=status.summary, icon="INFO")
        if status.problem:
            column = self.layout.column(align=True)
            lines = textwrap.wrap(status.problem.error().sentence(), _WIDTH)
            for index, line in enumerate(lines):
                column.label(text=line, icon="BLANK1" if index else "ERROR")


def _draw_entry(layout: UILayout, entry: PublishedWeights) -> None:
    there = weights.is_installed(entry)
    row = layout.row().split(factor=0.3)
    row.label(text=entry.name, icon="CHECKMARK" if there else "BLANK1")
    rest = row.row()
    rest.label(text=f"{size_in_words(entry.size)}, {'installed' if there else 'not installed'}")
    if entry.address:
        download = rest.row()
        download.enabled = bpy.app.online_access
        again = "Download Again" if there else "Download"
        button = download.operator("clip.matte_weights_download", text=again, icon="IMPORT")
        button.name, button.again = entry.name, there
    else:
        rest.operator("wm.url_open", text="Web Page", icon="URL").url = entry.page
    button = rest.operator("clip.matte_weights_import", text="Import File", icon="FILE_FOLDER")
    button.name, button.again = entry.name, there
