"""Edits in the Blender tests: clicks with their undo step, strokes, and the keyframes that come of them."""

from __future__ import annotations

import bpy
import numpy as np

from engine.shared.alphas import hard_alpha
from tests.blender.studio import Studio, part


def do(studio: Studio, operator: str, **properties) -> None:
    """Call an operator with an undo step after it, as a click has."""
    studio.click(operator, **properties)
    bpy.ops.ed.undo_push(message=operator)


def paint(studio: Studio, *points: tuple[float, ...], **properties):
    """Paint a stroke on the current frame through points in pixels of the clip; a third number is the pressure."""
    given = [{"name": "", "x": x, "y": y, "pressure": rest[0] if rest else 1.0} for x, y, *rest in points]
    return studio.click("matte_stroke", points=given, **properties)


def set_keyframe(studio: Studio, mask: np.ndarray, *, object_id: int, frame: int = 1) -> None:
    """Set a keyframe on a scene frame to a mask (H, W) bool, without an operator."""
    part("addon.keyframes").set_keyframe(studio.clip, object_id, frame, hard_alpha(mask))


def painted(studio: Studio, *, frame: int = 1, object_id: int = 1) -> np.ndarray:
    """Return the alpha (H, W) uint8 of a keyframe as the overlay reads it."""
    keyframes = part("addon.keyframes")
    return keyframes.keyframe_alpha(studio.clip, keyframes.find_keyframe(studio.clip, object_id, frame))


def keys(studio: Studio) -> list[tuple[int, int]]:
    """Return the number and object of each keyframe."""
    return [(key.number, key.object_id) for key in studio.clip.matting.keyframes]


def versions(studio: Studio) -> list[tuple[int, int, str]]:
    """Return the number, the object and the version of each keyframe."""
    return [(key.number, key.object_id, key.version) for key in studio.clip.matting.keyframes]
