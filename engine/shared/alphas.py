"""Alphas of 8 bits, as keyframes and mattes are stored: which pixels belong to the object, and what becomes one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

INSIDE = 128  # the lowest alpha of a pixel that belongs to the object: one half, rounded up
FULL = 255
_INSIDE, _OUTSIDE = INSIDE / FULL, (INSIDE - 1) / FULL  # alphas nearest to one half that 8 bits can hold


def hard_alpha(inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return a mask (H, W) bool as an alpha (H, W) without soft pixels."""
    return inside.astype(np.uint8) * np.uint8(FULL)


def soft_alpha(alpha: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return an alpha (H, W) 0..1 in 8 bits: from INSIDE on exactly at the pixels that are `inside` (H, W)."""
    values = np.rint(np.clip(alpha, 0, 1) * FULL)
    return np.where(inside, np.maximum(values, INSIDE), np.minimum(values, INSIDE - 1)).astype(np.uint8)


def on_its_side(alpha: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return an alpha (H, W) 0..1 in which, in 8 bits too, a pixel is one half or more exactly where it is `inside`."""
    return np.where(inside, np.maximum(alpha, _INSIDE), np.minimum(alpha, _OUTSIDE)).astype(np.float32)
