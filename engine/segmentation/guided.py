"""Guided filter (He et al.): carries the mask of a reduced picture to the edges of the full picture."""

from __future__ import annotations

import cv2
import numpy as np

from ..matting.linear import LinearModels
from ..matting.reduced import Reduced, tiles
from ..shared.alphas import INSIDE, hard_alpha

_RADIUS = 2  # pixels of the reduced picture around each, in which the mask is a linear function of the colours
_SMOOTHNESS = 1e-3  # the larger, the fainter the edges that the mask ignores
_TILE = 384  # pixels: only tiles that the outline runs through are computed


def enlarge(mask: np.ndarray, small: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """Return a mask (h, w) bool of the reduced picture `small` (h, w, 3) uint8 at the size of `picture` (H, W, 3)."""
    sizes = Reduced((picture.shape[0], picture.shape[1]), (mask.shape[0], mask.shape[1]))
    models = LinearModels.fit(small.astype(np.float32) / 255, mask.astype(np.float32), _RADIUS, _SMOOTHNESS)
    grey = hard_alpha(mask)
    wide = 2 * _RADIUS + 1
    near = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((wide, wide), np.uint8))
    result = cv2.resize(grey, sizes.full[::-1], interpolation=cv2.INTER_LINEAR) >= INSIDE
    touched = cv2.resize(near, sizes.full[::-1], interpolation=cv2.INTER_NEAREST) > 0
    for place in tiles(touched, _TILE):
        result[place] = models.apply(picture[place].astype(np.float32) / 255, place, sizes) >= 0.5
    return result
