"""Pictures of bright dots, and the places of dots in pictures, for tests of where pixels are shown."""

from __future__ import annotations

import numpy as np

RADIUS = 2.5  # of a dot, pixels of the clip


def grid_of_dots(width: int, height: int, across: int = 7, up: int = 5) -> np.ndarray:
    """Return the middles (N, 2) of dots spread over a picture, in pixels with y down, where pixel (0, 0) spans 0..1."""
    x = (np.arange(across) + 0.5) * width / across + 0.3
    y = (np.arange(up) + 0.5) * height / up - 0.2
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def picture_of_dots(width: int, height: int, dots: np.ndarray) -> np.ndarray:
    """Return a picture (H, W, 3) uint8 of soft white dots on black."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    shade = np.zeros((height, width))
    for dot in dots:
        shade = np.maximum(shade, np.exp(-((x - dot[0]) ** 2 + (y - dot[1]) ** 2) / (2 * RADIUS**2)))
    return np.repeat(np.round(shade * 255).astype(np.uint8)[..., None], 3, axis=-1)


def found_near(shade: np.ndarray, expected: np.ndarray, reach: int = 12) -> np.ndarray:
    """Return the middles (N, 2) of the dots next to `expected` (N, 2) in a picture (H, W) of brightness 0..1.

    The result is NaN for places without a whole dot within `reach` pixels.
    """
    found = np.full(expected.shape, np.nan)
    for number, place in enumerate(expected):
        middle = place.copy()
        for _ in range(8):
            x, y = np.floor(middle).astype(int)
            if not (reach <= x < shade.shape[1] - reach and reach <= y < shade.shape[0] - reach):
                break
            window = shade[y - reach : y + reach + 1, x - reach : x + reach + 1]
            window = np.where(window > 0.1, window, 0)
            if window.max() < 0.3:
                break
            down, across = np.mgrid[y - reach : y + reach + 1, x - reach : x + reach + 1] + 0.5
            middle = np.array([(across * window).sum(), (down * window).sum()]) / window.sum()
        else:
            found[number] = middle
    return found
