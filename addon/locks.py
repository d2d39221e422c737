"""Locks of a clip: frames and objects whose mattes never change, whatever runs."""

from __future__ import annotations

from bpy.types import MovieClip


def locked_ranges(clip: MovieClip) -> list[tuple[int, int, int]]:
    """Return the object (0: all objects), first and last file number of each lock."""
    return [(lock.object_id, lock.first, lock.last) for lock in clip.matting.locks]
