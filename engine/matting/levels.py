"""Settings of an edge: growing and shrinking by parts of a pixel, feather, and crispness."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from .reduced import Floats

_DISC = 12.0  # pixels: a matte is grown by discs of at most this radius
_MOST = 64.0  # pixels: how far a matte is grown with its soft pixels; beyond that only its outline counts
_WIDE = 8.0  # pixels: a wider Gaussian is made of box filters
_TINY = 1e-4


def grown(alpha: Floats, distance: float) -> Floats:
    """Return the alpha with its edge moved outward by a distance in pixels; inward if that is negative.

    Each level of the alpha moves alike, so that soft edges stay as soft as they are.
    """
    if distance == 0:
        return alpha
    if distance < 0:
        return 1 - grown(1 - alpha, -distance)
    if distance > _MOST:
        return _far(alpha, distance)
    steps = int(np.ceil(distance / _DISC))
    for _ in range(steps):
        alpha = _dilated(alpha, distance / steps)
    return alpha


def _far(alpha: Floats, distance: float) -> Floats:
    """Return the alpha grown so far that its soft pixels do not matter any more."""
    inside = alpha >= 0.5
    if not inside.any():
        return alpha
    away = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.maximum(alpha, np.clip(distance + 1 - away, 0, 1)).astype(np.float32)


def _dilated(alpha: Floats, distance: float) -> Floats:
    """Return the alpha dilated by a disc, mixed from the discs of pixels that are just smaller and just larger."""
    sizes, widths = _discs()
    above = int(np.searchsorted(widths, distance))
    low, high = widths[above - 1], widths[above]
    share = np.float32((distance - low) / (high - low))
    smaller, larger = (_by_disc(alpha, sizes[place]) for place in (above - 1, above))
    mixed: Floats = smaller + share * (larger - smaller)
    return mixed


def _by_disc(alpha: Floats, size: int) -> Floats:
    """Return the alpha dilated by the pixels at most the root of `size` away."""
    if size == 0:
        return alpha
    dilated: Floats = cv2.dilate(alpha, _disc(size).astype(np.uint8))
    return dilated


def _disc(size: int) -> np.ndarray:
    radius = int(np.sqrt(size))
    across = np.arange(-radius, radius + 1) ** 2
    disc: np.ndarray = across[:, None] + across[None] <= size
    return disc


@cache
def _discs() -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return the squared radii of all discs of pixels, and how far each moves an edge, averaged over its directions."""
    across = np.arange(int(_DISC) + 3) ** 2
    sizes = sorted({int(size) for size in (across[:, None] + across[None]).ravel() if size <= (_DISC + 2) ** 2})
    angles = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    normals = np.stack([np.cos(angles), np.sin(angles)])
    widths = []
    for size in sizes:
        places = np.argwhere(_disc(size)) - int(np.sqrt(size))
        widths.append(float((places @ normals).max(axis=0).mean()))
    return tuple(sizes), tuple(widths)


def feathered(alpha: Floats, feather: float) -> Floats:
    """Return the alpha blurred by a Gaussian whose standard deviation is half of `feather`, in pixels."""
    sigma = feather / 2
    if sigma <= 0:
        return alpha
    sigma = min(sigma, float(max(alpha.shape)))
    if sigma <= _WIDE:
        blurred: Floats = cv2.GaussianBlur(alpha, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
        return blurred
    side = 2 * round((np.sqrt(4 * sigma**2 + 1) - 1) / 2) + 1  # three boxes of this side have its variance
    for _ in range(3):
        alpha = cv2.blur(alpha, (side, side), borderType=cv2.BORDER_REPLICATE)
    return np.clip(alpha, 0, 1)


def crisped(alpha: Floats, softness: float) -> Floats:
    """Return the alpha with its edge as soft as it is (`softness` 1), crisp but anti-aliased (0), or between these."""
    if softness >= 1:
        return alpha
    across = cv2.Sobel(alpha, cv2.CV_32F, 1, 0, scale=1 / 8, borderType=cv2.BORDER_REPLICATE)
    down = cv2.Sobel(alpha, cv2.CV_32F, 0, 1, scale=1 / 8, borderType=cv2.BORDER_REPLICATE)
    change = np.minimum(np.hypot(across, down), 0.5)
    # A crisp edge changes by 1 within a pixel, but by one half to each side of it, as differences are taken.
    slope = change / (1 - change)
    steepness = 1 / np.maximum(softness + (1 - softness) * slope, _TINY)
    return np.clip(0.5 + (alpha - 0.5) * steepness, 0, 1).astype(np.float32)
