"""Data-blocks whose changes Blender does not save with this file, so that work on them would be lost."""

from __future__ import annotations

from bpy.types import ID, MovieClip

from ..engine.shared.errors import NotSaved


def check_saved(block: ID, kind: str) -> None:
    """Raise NotSaved if Blender does not save changes to a data-block; `kind` is its kind in words."""
    if why := _why_not_saved(block):
        raise NotSaved(f"{kind} {block.name} {why}, so changes to it would not be saved")


def check_clip_saved(clip: MovieClip) -> None:
    """Raise NotSaved if Blender does not save what is stored on a clip: objects, keyframes and the matte folder."""
    if why := _why_not_saved(clip):
        raise NotSaved(
            f"clip {clip.name} {why}: its mattes would not be saved",
            remedy="Make it local with the link icon beside its name in the header, or open its file here as a clip.",
        )


def is_saved(block: ID) -> bool:
    """Return whether Blender saves changes to a data-block."""
    return not _why_not_saved(block)


def _why_not_saved(block: ID) -> str:
    if block.library is not None:
        return f"is linked from {block.library.name}"
    if block.override_library is not None:
        return "is a library override"
    return "is runtime data" if block.is_runtime_data else ""
