"""Guided edges: the alpha of the band around an edge, made at full size from local linear models of the colours."""

from __future__ import annotations

import numpy as np

from .bands import TILE, Band
from .linear import LinearModels
from .reduced import Floats, tiles

_RADIUS = 2  # pixels of the reduced picture around each, in which the alpha is a linear function of the colours
_SMOOTHNESS = 1e-4  # the larger, the fainter the edges that the alpha ignores


def guided(alpha: Floats, picture: np.ndarray, band: Band) -> Floats:
    """Return the alpha (H, W), found anew in the band from the picture (H, W, 3) uint8."""
    sizes = band.sizes
    small_alpha, small_picture = sizes.reduce(alpha), sizes.reduce(picture)
    result = alpha.copy()
    for place in tiles(band.weight > 0, TILE):
        around = sizes.around(place, 2 * _RADIUS + 2)
        colours = small_picture[around].astype(np.float32) / 255
        origin = around[0].start, around[1].start
        models = LinearModels.fit(colours, small_alpha[around], _RADIUS, _SMOOTHNESS, origin)
        found = models.apply(picture[place].astype(np.float32) / 255, place, sizes)
        weight = band.weight[place]
        result[place] += weight * (np.clip(found, 0, 1) - result[place])
    return result
