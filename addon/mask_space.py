"""Conversion of pixels to mask space: a unit square on the frame's longer side, centred on the frame, y up."""

from __future__ import annotations

import numpy as np


def from_pixels(points: np.ndarray, width: int, height: int) -> np.ndarray:
    """Convert pixel coordinates (..., 2) to mask space. x points right, y down, and pixel (0, 0) spans 0..1."""
    side = max(width, height)
    x = (points[..., 0] + (side - width) / 2) / side
    y = (height - points[..., 1] + (side - height) / 2) / side
    return np.stack([x, y], axis=-1)
