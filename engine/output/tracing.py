"""A matte's outlines on one frame, exactly; and as few points that stand for one of them."""

from __future__ import annotations

import numpy as np

# the corners of a cell between four pixel centres: top left 8, top right 4, bottom right 2, bottom left 1; its sides:
_TOP, _RIGHT, _BOTTOM, _LEFT = range(4)
# for each set of corners inside, the ways across the cell, with the inside on the left as seen with y up;
# where only opposite corners are inside they are joined, so that a thin slanting line stays one shape
_WAYS = {
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
_STEP = 0.5  # pixels between the places at which turning is measured
_BLUR = 1.5  # pixels over which the steps of a hard matte's outline are evened out before that
_PHASES = 8  # starts tried between two points, to meet the points of the frame before
_MOST = 0.5  # pixels by which a point may leave the outline
_EVEN = 0.2  # part of the points spread evenly; the others go where the outline turns


def trace(alpha: np.ndarray) -> list[np.ndarray]:
    """Closed outlines (N, 2) float32 of alpha (H, W) at 0.5: x right, y down, pixel (0, 0) spanning 0..1.

    Filled by `raster.fill` they give exactly the pixels above 0.5. Seen with y up, outer ones run counter-clockwise
    and holes clockwise. Between pixel centres the outline lies where alpha, taken as linear, is 0.5.
    """
    inside = alpha > 0.5
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return []
    top, left = int(rows[0]), int(columns[0])
    box = alpha[max(0, top - 1) : rows[-1] + 2, max(0, left - 1) : columns[-1] + 2]
    values = np.pad(box.astype(np.float64), 1)
    starts, ends = _cell_ways(values > 0.5)
    corner = np.array((max(0, left - 1), max(0, top - 1))) - 0.5  # of the first padded centre
    return [(_places(ring, values) + corner).astype(np.float32) for ring in _rings(starts, ends)]


def spread(ring: np.ndarray, count: int, *, before: np.ndarray | None = None) -> np.ndarray:
    """`count` points (count, 2) float64 for a closed outline, denser where it turns.

    Their polygon encloses the area of the outline. The first stands at the outline's start, or where the points are
    nearest to those `before` (count, 2), in the same order, after moving as a whole.
    """
    lengths = np.linalg.norm(np.roll(ring, -1, axis=0) - ring, axis=1)
    travelled = np.concatenate([[0.0], np.cumsum(lengths, dtype=np.float64)])
    walk, share = _shares(ring, travelled)
    if before is None:
        return _balanced(ring, travelled, np.interp(np.arange(count) / count, share, walk))
    fine = np.interp(np.arange(count * _PHASES) / (count * _PHASES), share, walk)
    phase, shift = _in_phase(_at(ring, travelled, fine), before)
    return np.roll(_balanced(ring, travelled, fine[phase::_PHASES]), -shift, axis=0)


def _shares(ring: np.ndarray, travelled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ways from the start of an outline, and which share 0..1 of its points each should have behind it."""
    places = max(16, int(np.ceil(travelled[-1] / _STEP)))
    walk = np.arange(places + 1) / places * travelled[-1]
    steps = _blurred(_at(ring, travelled, walk[:-1]), min(_BLUR / _STEP, places / 16))
    heading = np.arctan2(*np.diff(steps, axis=0, append=steps[:1]).T[::-1])
    turn = np.abs((np.roll(heading, -1) - heading + np.pi) % (2 * np.pi) - np.pi)
    weight = np.sqrt(np.maximum(_blurred(turn[:, None], min(1 / _STEP, places / 16))[:, 0], 0))
    weight = _EVEN + (1 - _EVEN) * weight / max(float(weight.mean()), 1e-9)
    share = np.concatenate([[0.0], np.cumsum(weight)])
    return walk, share / share[-1]


def _in_phase(fine: np.ndarray, before: np.ndarray) -> tuple[int, int]:
    """Which of the fine points (8 N, 2) to begin at, and how far to roll each eighth of them then."""
    phases = fine.reshape(len(before), _PHASES, 2).transpose(1, 0, 2)  # (8, N, 2)
    # the sum of squared distances is least where the correlation is greatest; moving as a whole does not count
    still = np.fft.fft(before - before.mean(axis=0), axis=0).conj()
    correlation = np.fft.ifft(np.fft.fft(phases - fine.mean(axis=0), axis=1) * still, axis=1).real.sum(axis=2)
    phase, shift = np.unravel_index(int(correlation.argmax()), correlation.shape)
    return int(phase), int(shift)


def _balanced(ring: np.ndarray, travelled: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Points (N, 2) near the chosen places, moved out or in so that the straight lines between them enclose what
    the outline does: on a bend, lines between points of the outline itself would all cut the corner."""
    points = _at(ring, travelled, chosen)
    swept = np.concatenate([[0.0], np.cumsum(_cross(ring, np.roll(ring, -1, axis=0)), dtype=np.float64)])
    upto = np.interp(chosen, travelled, swept)
    arcs = np.append(upto[1:], upto[0] + swept[-1]) - upto
    lost = arcs - _cross(points, np.roll(points, -1, axis=0))  # twice the area between each line and its arc
    chord = np.roll(points, -1, axis=0) - np.roll(points, 1, axis=0)
    length = np.maximum(np.linalg.norm(chord, axis=1), 1e-6)
    outward = np.stack([chord[:, 1], -chord[:, 0]], axis=1) / length[:, None]
    # each point makes up for half of the two lines it ends; moving it by d changes twice the area by d * length
    move = np.clip((lost + np.roll(lost, 1)) / 2 / length, -_MOST, _MOST)
    return points + outward * move[:, None]


def _cross(here: np.ndarray, there: np.ndarray) -> np.ndarray:
    return here[:, 0] * there[:, 1] - here[:, 1] * there[:, 0]


def _cell_ways(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ways across cells, as numbers of the sides where they begin and end.

    Sides between horizontal neighbours are numbered first, by the left one, then those between vertical ones.
    """
    height, width = inside.shape
    cell = 8 * inside[:-1, :-1] + 4 * inside[:-1, 1:] + 2 * inside[1:, 1:] + 1 * inside[1:, :-1]
    y, x = np.nonzero((cell > 0) & (cell < 15))
    cell = cell[y, x]
    across, down = y * width + x, height * width + y * width + x
    sides = np.stack([across, down + 1, across + width, down], axis=1)  # top, right, bottom, left
    starts, ends = [], []
    for corners, ways in _WAYS.items():
        here = sides[cell == corners]
        for start, end in ways:
            starts.append(here[:, start])
            ends.append(here[:, end])
    return np.concatenate(starts), np.concatenate(ends)


def _rings(starts: np.ndarray, ends: np.ndarray) -> list[np.ndarray]:
    """The sides met on each closed walk, from its first in reading order."""
    order = np.argsort(starts)
    following = dict(zip(starts[order].tolist(), ends[order].tolist()))
    rings = []
    while following:
        first = next(iter(following))
        ring, side = [first], following.pop(first)
        while side != first:
            ring.append(side)
            side = following.pop(side)
        rings.append(np.array(ring))
    return rings


def _places(sides: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Where (N, 2) the outline crosses sides: counted from the first pixel centre, x right, y down."""
    height, width = values.shape
    downward = sides >= height * width
    near = np.where(downward, sides - height * width, sides)
    y, x = np.divmod(near, width)
    here, there = values[y, x], values[y + downward, x + ~downward]
    # kept off the centres themselves, so that rounding cannot put one on the wrong side
    part = np.clip((0.5 - here) / (there - here), 0.02, 0.98)
    return np.stack([x + np.where(downward, 0, part), y + np.where(downward, part, 0)], axis=1)


def _at(ring: np.ndarray, travelled: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Points (N, 2) of a closed outline after the given ways from its start."""
    closed = np.concatenate([ring, ring[:1]])
    return np.stack([np.interp(where, travelled, closed[:, axis]) for axis in (0, 1)], axis=1)


def _blurred(values: np.ndarray, sigma: float) -> np.ndarray:
    """Values (N, C) of a closed walk, blurred along it by a Gaussian of `sigma` places."""
    frequency = np.fft.rfftfreq(len(values))[:, None]
    damped = np.fft.rfft(values, axis=0) * np.exp(-2 * (np.pi * sigma * frequency) ** 2)
    return np.fft.irfft(damped, n=len(values), axis=0)
