"""Shapes of whole areas: the inside of a freehand outline, and closed regions of a mask, with NumPy only."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from ..engine.shared.alphas import INSIDE
from .canvas import Rectangle

_LINES = 16  # scan lines per row of pixels, each with exact coverage along it
_MAX_SLOPE = 64  # pixels; the edges of softer brushes keep a seam


def draw_polygon(alpha: np.ndarray, outline: np.ndarray, *, remove: bool = False) -> Rectangle | None:
    """Fill a closed outline (N, 2), in pixels x right and y down, into `alpha` (H, W) uint8, or cut it out.

    Edges are anti-aliased. Where the outline crosses itself, what it winds around at all is inside (non-zero winding).
    Returns what may have changed; None if the outline has no inside within the image.
    """
    height, width = alpha.shape
    points = np.asarray(outline, np.float64).reshape(-1, 2)
    points = points[np.isfinite(points).all(axis=1)]  # places far outside an undistorted picture may not be
    if len(points) < 3:
        return None
    (left, top), (right, bottom) = np.clip([np.floor(points.min(0)), np.ceil(points.max(0))], 0, (width, height))
    place = Rectangle(int(left), int(top), int(right), int(bottom))
    if place.left >= place.right or place.top >= place.bottom:
        return None
    strength = _coverage(points - (place.left, place.top), place.bottom - place.top, place.right - place.left)
    part = alpha[place.slices]
    if remove:
        np.minimum(part, 255 - strength, out=part)
    else:
        np.maximum(part, strength, out=part)
    return place


def _coverage(points: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return how much of each pixel of an image (height, width) lies inside the outline, uint8."""
    lines, x, turns = _crossings(points, height)
    order = np.lexsort((x, lines))
    lines, x, winding = lines[order], np.clip(x[order], 0, width), np.cumsum(turns[order])
    before = winding - turns[order]
    enter, leave = (before == 0) & (winding != 0), (before != 0) & (winding == 0)  # the outline is closed: same number
    rows = np.concatenate([lines[enter], lines[leave]]) // _LINES
    places = np.concatenate([x[enter], x[leave]])
    signs = np.concatenate([np.ones(enter.sum(), np.float32), -np.ones(leave.sum(), np.float32)]) / _LINES
    columns = places.astype(np.int64)
    rest = (places - columns).astype(np.float32)  # of the pixel in which the span begins, the part outside
    # Each span adds its coverage from its first pixel on and takes it away behind its last; the sum along a row fills.
    steps = np.zeros((height, width + 2), np.float32)
    np.add.at(steps, (rows, columns), signs * (1 - rest))
    np.add.at(steps, (rows, columns + 1), signs * rest)
    levels = np.cumsum(steps, axis=1, out=steps)[:, :width]
    return (np.clip(levels, 0, 1) * 255 + 0.5).astype(np.uint8)


def _crossings(points: np.ndarray, height: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return where the outline crosses scan lines: the numbers of the lines, x, and 1 downward or -1 upward."""
    starts, ends = points, np.roll(points, -1, axis=0)
    from_line = np.clip(np.ceil(starts[:, 1] * _LINES - 0.5), 0, height * _LINES).astype(np.int64)
    to_line = np.clip(np.ceil(ends[:, 1] * _LINES - 0.5), 0, height * _LINES).astype(np.int64)
    first, counts = np.minimum(from_line, to_line), np.abs(to_line - from_line)
    edges = np.repeat(np.arange(len(points)), counts)
    lines = first[edges] + np.arange(len(edges)) - np.repeat(np.cumsum(counts) - counts, counts)
    y = (lines + 0.5) / _LINES
    start, end = starts[edges], ends[edges]
    x = start[:, 0] + (end[:, 0] - start[:, 0]) * (y - start[:, 1]) / (end[:, 1] - start[:, 1])
    return lines, x, np.sign(to_line - from_line)[edges]


def region_at(mask: np.ndarray, x: int, y: int) -> np.ndarray:
    """Return the pixels (H, W) bool that are joined by their sides to pixel (x, y) and have its value in `mask`."""
    same = mask if mask[y, x] else ~mask
    height, width = same.shape
    padded = np.zeros((height, width + 1), bool)  # a column that ends each row's last run
    padded[:, :width] = same
    flat = padded.reshape(-1)
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat[0]:
        edges = np.concatenate([[0], edges])
    starts, ends = edges[0::2].tolist(), edges[1::2].tolist()
    taken = _joined_runs(starts, ends, width + 1, bisect_right(starts, y * (width + 1) + x) - 1)
    steps = np.zeros(len(flat) + 1, np.int8)
    steps[[starts[run] for run in taken]] = 1
    steps[[ends[run] for run in taken]] = -1
    return np.cumsum(steps[:-1], dtype=np.int8).astype(bool).reshape(height, width + 1)[:, :width]


def _joined_runs(starts: list[int], ends: list[int], stride: int, seed: int) -> list[int]:
    """Return the runs that are joined to run `seed` from row to row. Runs are spans of an image's flat pixels."""
    taken, waiting = {seed}, [seed]
    while waiting:
        run = waiting.pop()
        for move in (-stride, stride):
            start, end = starts[run] + move, ends[run] + move
            other = max(bisect_right(starts, start) - 1, 0)
            while other < len(starts) and starts[other] < end:
                if ends[other] > start and other not in taken:
                    taken.add(other)
                    waiting.append(other)
                other += 1
    return list(taken)


def is_open(region: np.ndarray) -> bool:
    """Return whether a region (H, W) bool holds most of the image's border, so that it is what is around an object.

    A region that an outline closes off together with a part of the border, as of an object that leaves the picture,
    is not open.
    """
    border = np.concatenate([region[0], region[-1], region[1:-1, 0], region[1:-1, -1]])
    return bool(2 * np.count_nonzero(border) > border.size)


def fill_region(alpha: np.ndarray, region: np.ndarray) -> Rectangle:
    """Make a region's pixels opaque in `alpha` (H, W) uint8, without a seam at the soft edge around it.

    The soft pixels around the region become opaque too, up the slope to the middle of the line that encloses it.
    Returns what may have changed.
    """
    place = _around(region)
    part, inside = alpha[place.slices], region[place.slices]
    taken = inside.copy()
    levels = np.where(inside, np.minimum(part, INSIDE - 1), 0).astype(np.int16)  # before the fill
    front = inside
    for _ in range(_MAX_SLOPE):
        below = _highest_neighbour(np.where(front, levels, np.int16(-1)))
        front = (below >= 0) & (part > below) & (part >= INSIDE) & ~taken
        if not front.any():
            break
        taken |= front
        levels = np.where(front, part, levels)
    part[taken] = 255
    return place


def _around(region: np.ndarray) -> Rectangle:
    """Return the rectangle of a region (H, W) bool and of the slopes around it."""
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    height, width = region.shape
    return Rectangle(
        max(int(columns[0]) - _MAX_SLOPE, 0),
        max(int(rows[0]) - _MAX_SLOPE, 0),
        min(int(columns[-1]) + 1 + _MAX_SLOPE, width),
        min(int(rows[-1]) + 1 + _MAX_SLOPE, height),
    )


def _highest_neighbour(values: np.ndarray) -> np.ndarray:
    """Return the highest value of each pixel's 3 x 3 neighbours, (H, W)."""
    padded = np.pad(values, 1, constant_values=-1)
    rows = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
    return np.maximum(np.maximum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
