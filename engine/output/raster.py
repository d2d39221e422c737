"""Polygon rasterisation, sampled at pixel centres as in Blender's Mask node."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def fill(polygons: Iterable[np.ndarray], width: int, height: int) -> np.ndarray:
    """Fill polygons by the even-odd rule: (height, width) float32, 1 at pixel centres inside, else 0.

    A polygon (N, 2) is closed, in pixels: x to the right, y down; pixel (0, 0) spans 0..1. Polygons are clipped to the
    image; those with fewer than three points or with NaN are ignored.
    """
    crossings = _crossings(polygons, width, height)
    return (np.cumsum(crossings, axis=1)[:, :width] & 1).astype(np.float32)


def signed_area(polygon: np.ndarray) -> float:
    """Return the area of a polygon (N, 2) with y down; positive if it is counter-clockwise when drawn with y up."""
    x, y = polygon[:, 0].astype(np.float64), polygon[:, 1].astype(np.float64)
    return float(np.dot(np.roll(x, -1), y) - np.dot(x, np.roll(y, -1))) / 2


def _crossings(polygons: Iterable[np.ndarray], width: int, height: int) -> np.ndarray:
    """Count the edges that cross each scanline in each column: (height, width + 1), for a cumulative sum along rows."""
    total = np.zeros((height, width + 1), np.int32)
    for polygon in polygons:
        points = np.asarray(polygon, np.float64)
        if len(points) < 3 or not np.isfinite(points).all():
            continue
        start, end = points, np.roll(points, -1, axis=0)
        upward = end[:, 1] > start[:, 1]
        top = np.where(upward[:, None], start, end)
        bottom = np.where(upward[:, None], end, start)
        # an edge crosses rows whose centre line is at or below its top and above its bottom
        first = np.clip(np.ceil(top[:, 1] - 0.5), 0, height).astype(int)
        last = np.clip(np.ceil(bottom[:, 1] - 0.5), 0, height).astype(int)
        count = last - first
        crossed = count > 0
        if not crossed.any():
            continue
        top, bottom, first, count = top[crossed], bottom[crossed], first[crossed], count[crossed]
        edge = np.repeat(np.arange(len(count)), count)
        row = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + first[edge]
        slope = (bottom[:, 0] - top[:, 0]) / (bottom[:, 1] - top[:, 1])
        x = top[edge, 0] + (row + 0.5 - top[edge, 1]) * slope[edge]
        column = np.clip(np.ceil(x - 0.5), 0, width).astype(int)
        np.add.at(total, (row, column), 1)
    return total
