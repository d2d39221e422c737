"""Add-on preferences: the engine's Python and device, and the folders of mattes and weights."""

from __future__ import annotations

import sys
import zlib

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty, StringProperty
from bpy.types import AddonPreferences, Context, UILayout

from ..engine.shared.catalogue import PublishedWeights, default_folder, size_in_words
from ..engine.shared.hardware import processor_kind
from ..engine.shared.kept_features import features_folder
from ..engine.shared.torch_builds import AUTOMATIC, builds_for
from ..engine.shared.types import FEATURE_BYTES, VersionCap
from . import PACKAGE, keymap_list, weights
from .engine_preferences import draw_engine
from .whereabouts import own_cache

DEVICES = (
    ("auto", "Automatic", "Use the GPU if PyTorch supports it, otherwise the CPU"),
    ("cpu", "CPU", "Use the CPU, on any computer"),
    ("cuda", "CUDA", "Use an NVIDIA or AMD GPU"),
    ("mps", "Metal", "Use the GPU of an Apple silicon Mac"),
)
# Blender stores a number for each item, which must not change when builds come or go.
BUILDS = (
    (AUTOMATIC, "Automatic", "The build for this computer's GPU, or for its processor", 0),
    *(
        (build.key, build.label, build.note, zlib.crc32(build.key.encode()) >> 1)
        for build in builds_for(sys.platform, processor_kind())
    ),
)


class KeymattePreferences(AddonPreferences):
    """Preferences of the extension, saved with Blender's preferences."""

    bl_idname = PACKAGE

    engine_python: StringProperty(
        name="Python",
        description="Python interpreter, with PyTorch, that runs the engine. Leave empty to use the one that Install "
        "Engine sets up",
        subtype="FILE_PATH",
    )
    torch_build: EnumProperty(
        name="PyTorch",
        description="Build of PyTorch that Install Engine takes. Automatic chooses the one for this computer",
        items=BUILDS,
        default=AUTOMATIC,
    )
    wheel_folder: StringProperty(
        name="Install From",
        description="Folder of wheels, which are downloaded packages, to install the engine from without a network. "
        "Leave empty to download them",
        subtype="DIR_PATH",
    )
    device: EnumProperty(name="Device", description="Device that the engine computes on", items=DEVICES, default="auto")
    cache_folder: StringProperty(
        name="Cache",
        description="Folder for keyframes and mattes of unsaved files. Leave empty to use Keymatte's own folder. "
        "Those of saved files are stored beside the .blend file",
        subtype="DIR_PATH",
    )
    weights_folder: StringProperty(
        name="Models",
        description="Folder of third-party models. Leave empty for the default folder, which the command line uses too",
        subtype="DIR_PATH",
    )

    undo_runs: IntProperty(
        name="Runs to Undo",
        description="How many runs of each clip can be undone. What a run replaces is kept in the clip's matte folder; "
        "the oldest goes first",
        min=0,
        soft_max=50,
        max=1000,
        default=VersionCap.count,
    )
    undo_gigabytes: FloatProperty(
        name="At Most",
        description="Gigabytes that what runs have replaced may take, for each clip. A run that replaces more cannot "
        "be undone",
        min=0.0,
        soft_max=100.0,
        max=10000.0,
        precision=1,
        default=VersionCap.bytes / 1e9,
    )
    feature_gigabytes: FloatProperty(
        name="Kept Features",
        description="Gigabytes that may be kept of what the network makes of frames, for all clips together, so that "
        "later runs and suggestions need not compute it again. The longest unused goes first. 0 keeps nothing",
        min=0.0,
        soft_max=100.0,
        max=10000.0,
        precision=1,
        default=FEATURE_BYTES / 1e9,
    )

    def draw(self, context: Context) -> None:
        self.layout.operator("clip.matte_open_editor", icon="TRACKER")
        draw_engine(self.layout, self)
        column = self.layout.column()
        column.use_property_split = True
        column.prop(self, "cache_folder", placeholder=str(own_cache()))
        column.prop(self, "undo_runs")
        column.prop(self, "undo_gigabytes", text="Space to Undo (GB)")
        column.prop(self, "feature_gigabytes", text="Kept Features (GB)")
        split = column.split(factor=0.4)
        split.column()
        row = split.row()
        row.label(text=str(features_folder()))
        row.operator("clip.matte_clear_features", text="Clear Kept Features", icon="TRASH")
        keymap_list.draw(self.layout, context)
        self._draw_weights()

    def _draw_weights(self) -> None:
        box = self.layout.box()
        box.label(text="Third-Party Models: trained networks that their authors have published")
        row = box.row()
        row.use_property_split = True
        row.prop(self, "weights_folder", text="Folder", placeholder=str(default_folder()))
        column = box.column(align=True)
        for entry in weights.OFFERED:
            _draw_entry(column, entry)
        if not bpy.app.online_access:
            box.label(text="To download, enable Allow Online Access in Preferences > System", icon="INTERNET_OFFLINE")


def _draw_entry(layout: UILayout, entry: PublishedWeights) -> None:
    installed = weights.is_installed(entry)
    row = layout.row().split(factor=0.3)
    row.label(text=entry.name, icon="CHECKMARK" if installed else "BLANK1")
    buttons = row.row()
    buttons.label(text=f"{size_in_words(entry.size)}, {'installed' if installed else 'not installed'}")
    if entry.address:
        download = buttons.row()
        download.enabled = bpy.app.online_access
        text = "Download Again" if installed else "Download"
        operator = download.operator("clip.matte_weights_download", text=text, icon="IMPORT")
        operator.name, operator.again = entry.name, installed
    else:
        buttons.operator("wm.url_open", text="Web Page", icon="URL").url = entry.page
    operator = buttons.operator("clip.matte_weights_import", text="Import File", icon="FILE_FOLDER")
    operator.name, operator.again = entry.name, installed
