"""Operator that opens a clip's matte folder in the system's file browser."""

from __future__ import annotations

from bpy.types import Context, Operator

from ..addon.file_browser import open_folder
from ..addon.folders import existing_folder
from ..engine.shared.errors import EngineError, NothingPropagated
from .common import ClipOperator, clip_in


class CLIP_OT_matte_open_folder(ClipOperator, Operator):
    """Open the folder with this clip's keyframes and mattes in your file browser"""

    bl_idname = "clip.matte_open_folder"
    bl_label = "Open Folder"
    bl_options = {"REGISTER"}

    changes_clip = False

    def run(self, context: Context) -> str:
        clip = clip_in(context)
        folder = existing_folder(clip)
        if folder is None:
            raise NothingPropagated(f"clip {clip.name} has no keyframes or mattes yet", remedy="Paint one first.")
        if not folder.root.is_dir():
            raise EngineError(
                f"the folder of clip {clip.name} is missing: {folder.root}",
                remedy="Put it back, or propagate to make the mattes again.",
            )
        open_folder(folder.root)
        return ""


CLASSES = (CLIP_OT_matte_open_folder,)
