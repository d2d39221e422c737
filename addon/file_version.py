"""Version of Keymatte that has saved a clip's data, to tell of files that a newer one has saved."""

from __future__ import annotations

import bpy
from bpy.types import MovieClip

from ..engine import VERSION
from ..engine.shared.version_order import newer


def stamp() -> None:
    """Record this version on all clips with objects, before the file is saved."""
    for clip in bpy.data.movieclips:
        if clip.library is None and clip.matting.objects:
            clip.matting.saved_by = VERSION


def warning(clip: MovieClip) -> str:
    """Return what to tell of a clip that a newer version has saved; empty if there is nothing to tell."""
    version = newer(clip.matting.saved_by)
    if not version:
        return ""
    return f"Saved by Keymatte {version}; this is {VERSION}. Update Keymatte: what only the newer one knows is not used"
