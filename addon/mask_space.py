"""Pixels -> mask space: Blender's masks live in a square as long as the frame's longer side, y up."""

from __future__ import annotations

import numpy as np


def from_pixels(points: np.ndarray, width: int, height: int) -> np.ndarray:
    """Pixels (..., 2), x right, y down, pixel (0, 0) spanning 0..1 -> mask space."""
    side = max(width, height)
    x = (points[..., 0] + (side - width) / 2) / side
    y = (height - points[..., 1] + (side - height) / 2) / side
    return np.stack([x, y], axis=-1)
