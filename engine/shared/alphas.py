"""Alphas of 8 bits, as keyframes and mattes are stored: which pixels belong to the object, and what becomes one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

INSIDE = 128  # the lowest alpha of a pixel that belongs to the object: one half, rounded up
FULL = 255


def hard_alpha(inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return a mask (H, W) bool as an alpha (H, W) without soft pixels."""
    return inside.astype(np.uint8) * np.uint8(FULL)


def soft_alpha(alpha: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return an alpha (H, W) 0..1 in 8 bits: from INSIDE on exactly at the pixels that are `inside` (H, W)."""
    values = np.rint(np.clip(alpha, 0, 1) * FULL)
    return np.where(inside, np.maximum(values, INSIDE), np.minimum(values, INSIDE - 1)).astype(np.uint8)
