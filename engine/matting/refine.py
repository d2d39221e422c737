"""Refining: an object's matte at full size from the network's, the picture and the artist's settings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..shared.alphas import on_its_side
from ..shared.refinement import EdgeMethod, Refinement
from .bands import Band
from .cutouts import foreground
from .detail import detailed
from .guided import guided
from .levels import crisped, feathered, grown
from .parts import without_holes, without_specks
from .reduced import Floats
from .temporal import smooth

__all__ = ["foreground", "refine", "smooth"]


def refine(
    alpha: Floats,
    picture: NDArray[np.uint8],
    settings: Refinement,
    *,
    scale: float,
    shape: NDArray[np.bool_] | None = None,
) -> Floats:
    """Return an object's matte (H, W) 0..1, refined.

    `alpha` (H, W) is the network's, enlarged from a picture `scale` >= 1 times smaller than `picture` (H, W, 3) RGB.
    `shape` (H, W) is the artist's own on a keyframe, which the result keeps: one half or more exactly there. Edges are
    found in a band around the matte's edge only, and all else is left as it is.
    """
    result = np.clip(np.nan_to_num(alpha.astype(np.float32, copy=False), nan=0.0), 0, 1)
    if settings.edges != EdgeMethod.KEEP:
        band = Band.around(result, scale, settings.band)
        if band.weight.any():
            result = (detailed if settings.edges == EdgeMethod.DETAIL else guided)(result, picture, band)
    result = without_specks(without_holes(result, settings.holes), settings.specks)
    result = crisped(feathered(grown(result, settings.grow), settings.feather), settings.softness)
    return result if shape is None else on_its_side(result, shape)
