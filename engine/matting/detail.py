"""Detailed edges: closed-form matting (Levin et al. 2008) of the band around an edge, tile by tile."""

from __future__ import annotations

import numpy as np

from .bands import Band
from .reduced import Floats, tiles, widened

_TILE = 192  # pixels
_OVERLAP = 24  # pixels around a tile that are computed with it, so that tiles agree where they join
_EPSILON = 1e-5  # regularises the colour models
_KNOWN = 100.0  # weight of known pixels
_PRIOR = 1e-3  # weight of the matte in the band
_TOLERANCE = 1e-4
_MAX_STEPS = 300


def detailed(alpha: Floats, picture: np.ndarray, band: Band) -> Floats:
    """Return the alpha (H, W), found anew in the band from the picture (H, W, 3) uint8."""
    total, weights = np.zeros_like(alpha), np.zeros_like(alpha)
    for place in tiles(band.weight > 0, _TILE):
        outer = widened(place, _OVERLAP, band.sizes.full)
        found = _solved(alpha[outer], picture[outer], band.weight[outer])
        window = _window(found.shape)
        total[outer] += window * found
        weights[outer] += window
    result: Floats = np.where(weights > 0, total / np.maximum(weights, 1e-6), alpha).astype(np.float32)
    return result


def _window(shape: tuple[int, ...]) -> Floats:
    """Return weights (h, w) that fall off towards the border."""
    rows, columns = (np.minimum(np.arange(side), np.arange(side)[::-1]) + 1.0 for side in shape)
    window: Floats = np.minimum(np.minimum(rows[:, None], columns[None]) / _OVERLAP, 1).astype(np.float32)
    return window


def _solved(alpha: Floats, picture: np.ndarray, weight: Floats) -> Floats:
    """Return the alpha of a tile (h, w) by closed-form matting."""
    import scipy.sparse
    from pymatting import cf_laplacian

    unknown = weight > 0
    if not unknown.any() or min(alpha.shape) < 3:
        return alpha
    laplacian = cf_laplacian(picture.astype(np.float64) / 255, epsilon=_EPSILON, is_known=~unknown)
    inside = unknown.ravel()
    rows = laplacian[inside]
    prior = (_PRIOR + _KNOWN * (1 - weight.ravel()[inside]) ** 4).astype(np.float64)
    matrix = rows[:, inside] + scipy.sparse.diags(prior)
    flat = alpha.ravel().astype(np.float64)
    side = prior * flat[inside] - rows[:, ~inside] @ flat[~inside]
    result = alpha.copy().ravel()
    start = flat[inside]
    scales = scipy.sparse.diags(1 / matrix.diagonal())
    found, _ = scipy.sparse.linalg.cg(matrix, side, x0=start, rtol=_TOLERANCE, maxiter=_MAX_STEPS, M=scales)
    result[inside] = np.clip(found, 0, 1)
    return result.reshape(alpha.shape)
