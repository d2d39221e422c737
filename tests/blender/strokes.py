"""Strokes for the Blender tests: painting by the operator, and the keyframes that come of it."""

from __future__ import annotations

import numpy as np

from tests.blender.studio import Studio, part


def paint(studio: Studio, *points: tuple[float, ...], **properties):
    """Paint a stroke on the current frame through points in pixels of the clip; a third number is the pressure."""
    given = [{"name": "", "x": x, "y": y, "pressure": rest[0] if rest else 1.0} for x, y, *rest in points]
    return studio.click("matte_stroke", points=given, **properties)


def painted(studio: Studio, *, frame: int = 1, object_id: int = 1) -> np.ndarray:
    """Return the alpha (H, W) uint8 of a keyframe as the overlay reads it."""
    keyframes = part("addon.keyframes")
    return keyframes.keyframe_alpha(studio.clip, keyframes.find_keyframe(studio.clip, object_id, frame))
