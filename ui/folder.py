"""Drawing of where a clip's keyframes and mattes are, with a button that opens the folder."""

from __future__ import annotations

import bpy
from bpy.types import MovieClip, UILayout

from ..addon import job_queue
from ..addon.folders import existing_folder, relative_path
from ..addon.whereabouts import is_homeless


def draw_folder(layout: UILayout, clip: MovieClip) -> None:
    """Draw the name of the clip's folder, if it has one, and the button."""
    if text := folder_text(clip):
        row = layout.row(align=True)
        row.label(text=text)
        row.operator("clip.matte_open_folder", text="", icon="FILE_FOLDER")


def folder_text(clip: MovieClip) -> str:
    """Return where the clip's folder is, as seen from the saved file; empty if it has none."""
    folder = existing_folder(clip)
    if folder is None:
        return ""
    if not is_homeless(folder.root):
        return f"Folder: {relative_path(folder.root).removeprefix('//')}"
    if bpy.data.filepath and job_queue.is_on(clip):
        return "Folder: beside the file after the run"
    return "Folder: beside the file, once saved"
