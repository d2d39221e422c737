"""Operators that export a mask's splines to files for other programs, and import splines from files."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty
from bpy.types import Context, Event, Operator

from ..addon import clips, shape_export, shape_import
from ..engine.shared.errors import NoActiveMask
from ..engine.shared.mask_images import counted
from .common import HIDDEN, ClipOperator, clip_in, report_warnings, window_of

_FORMATS = (
    ("JSON", "JSON", "All of the splines, exactly; Keymatte reads it back"),
    ("SVG", "SVG", "Animated drawing for browsers and drawing programs; Keymatte reads it back exactly"),
    ("NK", "Nuke", "Script with a Roto node, to be opened or inserted"),
    ("JSX", "After Effects", "Script that makes masks with keyframes; run it with File > Scripts"),
)


class CLIP_OT_matte_export_splines(ClipOperator, Operator):
    """Write the splines of the mask shown here, or of the one made from mattes, to a file for other programs"""

    bl_idname = "clip.matte_export_splines"
    bl_label = "Export Splines"
    bl_options = {"REGISTER"}
    changes_clip = False

    filepath: StringProperty(name="File", subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.json;*.svg;*.nk;*.jsx", options=HIDDEN)
    check_existing: bpy.props.BoolProperty(default=True, options=HIDDEN)
    format: EnumProperty(name="Format", description="The kind of file", items=_FORMATS, default="JSON")

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not super().poll(context):
            return False
        if shape_export.mask_to_export(context.space_data) is None:
            error = NoActiveMask("there is no mask", remedy="Draw one in Mask mode, or click To Mask Layers.")
            cls.poll_message_set(error.sentence())
            return False
        return True

    def invoke(self, context: Context, event: Event) -> set[str]:
        if not self.filepath:
            clip = clip_in(context)
            self.filepath = str(clips.media_path(clip).with_suffix(f".{self.format.lower()}"))
        elif (suffix := Path(self.filepath).suffix[1:].upper()) in [name for name, _, _ in _FORMATS]:
            self.format = suffix
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def check(self, context: Context) -> bool:
        """Give the name in the file browser the ending of the format."""
        path = Path(self.filepath)
        wanted = f".{self.format.lower()}"
        if path.suffix.lower() == wanted or not path.name:
            return False
        known = path.suffix.lower()[1:].upper() in [name for name, _, _ in _FORMATS]
        self.filepath = str(path.with_suffix(wanted) if known else path.with_name(path.name + wanted))
        return True

    def draw(self, context: Context) -> None:
        self.layout.prop(self, "format", expand=True)

    def run(self, context: Context) -> str:
        mask = shape_export.mask_to_export(context.space_data)
        if mask is None:
            raise NoActiveMask("there is no mask")
        path = Path(bpy.path.abspath(self.filepath))
        told = shape_export.export_mask(
            mask, clip_in(context), path, scene=context.scene, window=window_of(context), area=context.area
        )
        return report_warnings(self, f"Splines of {mask.name} written to {path.name}", told)


class CLIP_OT_matte_import_splines(ClipOperator, Operator):
    """Add the splines of a .json, .svg or .nk file as new layers to the mask shown here. Nothing that is there \
changes"""

    bl_idname = "clip.matte_import_splines"
    bl_label = "Import Splines"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(name="File", subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.json;*.svg;*.nk", options=HIDDEN)

    def invoke(self, context: Context, event: Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context: Context) -> str:
        path = Path(bpy.path.abspath(self.filepath))
        layers, told = shape_import.import_shapes(path, clip_in(context), window=window_of(context), area=context.area)
        mask = context.space_data.mask
        return report_warnings(self, f"{counted(len(layers), 'mask layer')} added to {mask.name}", told)


CLASSES = (CLIP_OT_matte_export_splines, CLIP_OT_matte_import_splines)
