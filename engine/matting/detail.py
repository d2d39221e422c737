"""Detailed edges: closed-form matting (Levin et al. 2008) of the band around an edge, tile by tile."""

from __future__ import annotations

import numpy as np

from .bands import Band
from .guided import twice_guided
from .reduced import Floats, tiles, widened

_TILE = 192  # pixels
_OVERLAP = 24  # pixels around a tile that are computed with it, so that tiles agree where they join
_EPSILON = 1e-5  # regularises the colour models
_KNOWN = 100.0  # weight of known pixels
_PRIOR = 3e-2  # weight of the guided alpha in the band
_UNCLEAR = 10.0  # its further weight where colours say nothing, so that closed-form matting does not either
_TOLERANCE = 1e-3
_MAX_STEPS = 200
_LEAST_SIDE = 3  # pixels; closed-form matting looks at windows of this side


def detailed(alpha: Floats, picture: np.ndarray, band: Band) -> Floats:
    """Return the alpha (H, W), found anew in the band from the picture (H, W, 3) uint8.

    It starts from an alpha for which colours are gathered twice, and stays close to that.
    Whatever the band is like, a tile takes a bounded number of steps.
    """
    start, share = twice_guided(alpha, picture, band)
    near = _PRIOR + _UNCLEAR * np.square(share)
    total, weights = np.zeros_like(alpha), np.zeros_like(alpha)
    for place in tiles(band.weight > 0, _TILE):
        outer = widened(place, _OVERLAP, band.sizes.full)
        found = _solved(start[outer], picture[outer], band.weight[outer], near[outer])
        window = _window(found.shape)
        total[outer] += window * found
        weights[outer] += window
    found = total / np.maximum(weights, 1e-6)
    result: Floats = np.where((weights > 0) & (band.weight > 0), found, start).astype(np.float32)
    return result


def _window(shape: tuple[int, ...]) -> Floats:
    """Return weights (h, w) that fall off towards the border."""
    rows, columns = (np.minimum(np.arange(side), np.arange(side)[::-1]) + 1.0 for side in shape)
    window: Floats = np.minimum(np.minimum(rows[:, None], columns[None]) / _OVERLAP, 1).astype(np.float32)
    return window


def _solved(alpha: Floats, picture: np.ndarray, weight: Floats, near: Floats) -> Floats:
    """Return the alpha of a tile (h, w) by closed-form matting, as near to what it is as `near` (h, w) says."""
    import scipy.sparse
    import scipy.sparse.linalg
    from pymatting import cf_laplacian

    unknown = weight > 0
    if not unknown.any() or min(alpha.shape) < _LEAST_SIDE:
        return alpha
    laplacian = cf_laplacian(picture.astype(np.float64) / 255, epsilon=_EPSILON, is_known=~unknown)
    inside = unknown.ravel()
    rows = laplacian[inside]
    prior = (near + _KNOWN * (1 - weight) ** 4).ravel()[inside].astype(np.float64)
    matrix = rows[:, inside] + scipy.sparse.diags(prior)
    flat = alpha.ravel().astype(np.float64)
    side = prior * flat[inside] - rows[:, ~inside] @ flat[~inside]
    scales = scipy.sparse.diags(1 / matrix.diagonal())
    found, _ = scipy.sparse.linalg.cg(matrix, side, x0=flat[inside], rtol=_TOLERANCE, maxiter=_MAX_STEPS, M=scales)
    flat[inside] = np.clip(found, 0, 1)
    result: Floats = flat.reshape(alpha.shape).astype(np.float32)
    return result
