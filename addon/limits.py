"""Limits of Blender's numbers: frames that no scene has, and properties that silently keep another value."""

from __future__ import annotations

from collections.abc import Iterable

from bpy.types import bpy_struct

from ..engine.shared.errors import BlenderLimit

MAX_FRAME = 1_048_574  # the last frame of a scene, in every version of Blender; the first is its negative
_REMEDY = "Set the clip's Start Frame so that the clip lies within these frames."


def set_number(owner: bpy_struct, name: str, value: int, *, what: str, remedy: str) -> None:
    """Set a number of Blender, described by `what`. Raises BlenderLimit if Blender keeps another value."""
    setattr(owner, name, value)
    kept = getattr(owner, name)
    if kept != value:
        raise BlenderLimit(f"{what} would be {value}, but Blender sets it to {kept}", remedy=remedy)


def check_frames(frames: Iterable[int]) -> None:
    """Raise BlenderLimit if a scene cannot be set to one of these frames."""
    outside = [frame for frame in frames if abs(frame) > MAX_FRAME]
    if outside:
        raise BlenderLimit(
            f"the clip is shown on frame {max(outside, key=abs)}, but Blender's scenes have only frames "
            f"{-MAX_FRAME} to {MAX_FRAME}",
            remedy=_REMEDY,
        )
