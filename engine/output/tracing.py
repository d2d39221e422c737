"""Tracing of a matte's outlines by marching squares, and resampling of outlines to few points."""

from __future__ import annotations

import numpy as np

# the corners of a cell between four pixel centres: top left 8, top right 4, bottom right 2, bottom left 1; its sides:
_TOP, _RIGHT, _BOTTOM, _LEFT = range(4)
# for each set of inside corners, the segments across the cell, with the inside on the left when viewed with y up;
# two opposite inside corners are connected, so that a thin diagonal line stays one shape
_SEGMENTS = {
    8: [(_LEFT, _TOP)],
    4: [(_TOP, _RIGHT)],
    2: [(_RIGHT, _BOTTOM)],
    1: [(_BOTTOM, _LEFT)],
    12: [(_LEFT, _RIGHT)],
    6: [(_TOP, _BOTTOM)],
    3: [(_RIGHT, _LEFT)],
    9: [(_BOTTOM, _TOP)],
    7: [(_TOP, _LEFT)],
    11: [(_RIGHT, _TOP)],
    13: [(_BOTTOM, _RIGHT)],
    14: [(_LEFT, _BOTTOM)],
    10: [(_LEFT, _BOTTOM), (_RIGHT, _TOP)],
    5: [(_TOP, _LEFT), (_BOTTOM, _RIGHT)],
}
_STEP = 0.5  # pixels between samples of the turning angle
_BLUR_SIGMA = 1.5  # pixels: standard deviation of the blur that first smooths the staircase of a hard matte
_PHASES = 8  # start offsets tried between two points, to match the previous frame
_MAX_SHIFT = 0.5  # pixels by which a point may leave the outline
_UNIFORM_SHARE = 0.2  # of the points, spaced evenly; the others follow curvature


def trace(alpha: np.ndarray) -> list[np.ndarray]:
    """Trace the closed outlines (N, 2) float32 of alpha (H, W) at 0.5.

    Coordinates are in pixels: x to the right, y down; pixel (0, 0) spans 0..1. `raster.fill` of the outlines gives
    exactly the pixels above 0.5. Drawn with y up, outer outlines are counter-clockwise and holes clockwise. Vertices
    lie between two pixel centres, where linearly interpolated alpha is 0.5, but at least 0.02 pixels from either.
    """
    inside = alpha > 0.5
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return []
    top, left = int(rows[0]), int(columns[0])
    box = alpha[max(0, top - 1) : rows[-1] + 2, max(0, left - 1) : columns[-1] + 2]
    values = np.pad(box.astype(np.float64), 1)
    starts, ends = _cell_segments(values > 0.5)
    corner = np.array((max(0, left - 1), max(0, top - 1))) - 0.5  # of the first padded centre
    return [(_crossing_points(ring, values) + corner).astype(np.float32) for ring in _chain_rings(starts, ends)]


def resample(ring: np.ndarray, count: int, *, before: np.ndarray | None = None) -> np.ndarray:
    """Resample a closed outline (N, 2) to `count` points (count, 2) float64, denser at high curvature.

    The polygon of the points encloses about the same area. The first point lies at the start of the outline; or, given
    the points `before` (count, 2) of the previous frame, where all points best match these in order, up to translation.
    """
    lengths = np.linalg.norm(np.roll(ring, -1, axis=0) - ring, axis=1)
    arc_lengths = np.concatenate([[0.0], np.cumsum(lengths, dtype=np.float64)])
    distances, shares = _point_distribution(ring, arc_lengths)
    if before is None:
        return _preserve_area(ring, arc_lengths, np.interp(np.arange(count) / count, shares, distances))
    candidates = np.interp(np.arange(count * _PHASES) / (count * _PHASES), shares, distances)
    phase, shift = _best_phase(_points_at(ring, arc_lengths, candidates), before)
    return np.roll(_preserve_area(ring, arc_lengths, candidates[phase::_PHASES]), -shift, axis=0)


def _point_distribution(ring: np.ndarray, arc_lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return distances along an outline from its start, and for each the share 0..1 of points to put before it."""
    samples = max(16, int(np.ceil(arc_lengths[-1] / _STEP)))
    distances = np.arange(samples + 1) / samples * arc_lengths[-1]
    positions = _blur(_points_at(ring, arc_lengths, distances[:-1]), min(_BLUR_SIGMA / _STEP, samples / 16))
    heading = np.arctan2(*np.diff(positions, axis=0, append=positions[:1]).T[::-1])
    turn = np.abs((np.roll(heading, -1) - heading + np.pi) % (2 * np.pi) - np.pi)
    weight = np.sqrt(np.maximum(_blur(turn[:, None], min(1 / _STEP, samples / 16))[:, 0], 0))
    weight = _UNIFORM_SHARE + (1 - _UNIFORM_SHARE) * weight / max(float(weight.mean()), 1e-9)
    shares = np.concatenate([[0.0], np.cumsum(weight)])
    return distances, shares / shares[-1]


def _best_phase(candidates: np.ndarray, before: np.ndarray) -> tuple[int, int]:
    """Find the N of 8 N candidates (8 N, 2) that match `before` (N, 2) best: every 8th, from some phase on.

    Returns the phase 0..7, and by how many points the match is shifted.
    """
    phases = candidates.reshape(len(before), _PHASES, 2).transpose(1, 0, 2)  # (8, N, 2)
    # the sum of squared distances is smallest where the correlation is largest; translation is removed
    reference = np.fft.fft(before - before.mean(axis=0), axis=0).conj()
    correlation = np.fft.ifft(np.fft.fft(phases - candidates.mean(axis=0), axis=1) * reference, axis=1).real.sum(axis=2)
    phase, shift = np.unravel_index(int(correlation.argmax()), correlation.shape)
    return int(phase), int(shift)


def _preserve_area(ring: np.ndarray, arc_lengths: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Place points (N, 2) at these distances along an outline, moved so that their polygon encloses the same area.

    Without the move, the straight sides of the polygon would cut every bend.
    """
    points = _points_at(ring, arc_lengths, distances)
    swept = np.concatenate([[0.0], np.cumsum(_cross(ring, np.roll(ring, -1, axis=0)), dtype=np.float64)])
    swept_at = np.interp(distances, arc_lengths, swept)
    arcs = np.append(swept_at[1:], swept_at[0] + swept[-1]) - swept_at
    deficit = arcs - _cross(points, np.roll(points, -1, axis=0))  # twice the area between each chord and its arc
    chord = np.roll(points, -1, axis=0) - np.roll(points, 1, axis=0)
    length = np.maximum(np.linalg.norm(chord, axis=1), 1e-6)
    outward = np.stack([chord[:, 1], -chord[:, 0]], axis=1) / length[:, None]
    # each point compensates half of its two chords; moving it by d changes twice the area by d * length
    move = np.clip((deficit + np.roll(deficit, 1)) / 2 / length, -_MAX_SHIFT, _MAX_SHIFT)
    return points + outward * move[:, None]


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def _cell_segments(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the outline segments in all cells of four pixels; a segment leads from one side of a cell to another.

    A side joins two neighbouring pixel centres. Sides are numbered: first all horizontal ones, in the order of their
    left pixels, then all vertical ones, in the order of their upper pixels.
    """
    height, width = inside.shape
    cell = 8 * inside[:-1, :-1] + 4 * inside[:-1, 1:] + 2 * inside[1:, 1:] + 1 * inside[1:, :-1]
    y, x = np.nonzero((cell > 0) & (cell < 15))
    cell = cell[y, x]
    across, down = y * width + x, height * width + y * width + x
    sides = np.stack([across, down + 1, across + width, down], axis=1)  # top, right, bottom, left
    starts, ends = [], []
    for corners, segments in _SEGMENTS.items():
        matching = sides[cell == corners]
        for start, end in segments:
            starts.append(matching[:, start])
            ends.append(matching[:, end])
    return np.concatenate(starts), np.concatenate(ends)


def _chain_rings(starts: np.ndarray, ends: np.ndarray) -> list[np.ndarray]:
    """Chain segments into closed rings, given as side numbers; each ring starts at its lowest side number."""
    order = np.argsort(starts)
    next_side = dict(zip(starts[order].tolist(), ends[order].tolist()))
    rings = []
    while next_side:
        first = next(iter(next_side))
        ring, side = [first], next_side.pop(first)
        while side != first:
            ring.append(side)
            side = next_side.pop(side)
        rings.append(np.array(ring))
    return rings


def _crossing_points(sides: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the points (N, 2) where the outline crosses sides, relative to the first pixel centre; x right, y down."""
    height, width = values.shape
    downward = sides >= height * width
    pixel = np.where(downward, sides - height * width, sides)
    y, x = np.divmod(pixel, width)
    first, second = values[y, x], values[y + downward, x + ~downward]
    # kept off the pixel centres, so that rounding cannot move a crossing to the wrong side
    fraction = np.clip((0.5 - first) / (second - first), 0.02, 0.98)
    return np.stack([x + np.where(downward, 0, fraction), y + np.where(downward, fraction, 0)], axis=1)


def _points_at(ring: np.ndarray, arc_lengths: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Return the points (N, 2) of a closed outline at these distances along it from its start."""
    closed = np.concatenate([ring, ring[:1]])
    return np.stack([np.interp(distances, arc_lengths, closed[:, axis]) for axis in (0, 1)], axis=1)


def _blur(values: np.ndarray, sigma: float) -> np.ndarray:
    """Blur values (N, C) along a closed curve by a Gaussian of `sigma` samples."""
    frequency = np.fft.rfftfreq(len(values))[:, None]
    spectrum = np.fft.rfft(values, axis=0) * np.exp(-2 * (np.pi * sigma * frequency) ** 2)
    return np.fft.irfft(spectrum, n=len(values), axis=0)
