"""Correspondence of a strand's outlines: for every place on one of them, the same place of the object on all frames.

Successive outlines are matched by dynamic programming over position, tangent and curvature, as elastic matching of
closed curves does (Sebastian, Klein and Kimia, "On aligning curves", PAMI 2003). The matches are composed from a middle
frame outward, and then matched once more with the middle frame itself, so that errors do not add up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .outline import Features, Outline
from .registration import registered

_GRID = 2  # samples of the matched outline per node of the other
_COARSE_FROM = 256  # samples of an outline, from which on only every other one is matched before the refinement
_STEPS = (0, 1, 2, 3, 4, 6, 8)  # samples by which a match may advance from one node to the next
_STRETCH_COST = 0.06  # of an advance by one sample too many or too few
_POSITION_WEIGHT, _TANGENT_WEIGHT, _CURVATURE_WEIGHT = 1.0, 1.0, 3.0
_MAX_POSITION_COST = 4.0
_POSITION_SIGMA = 1.0, 0.02  # pixels, and in lengths of the outline
_MAX_GAP = 6.0  # samples between two places, from which on a stretch of the outline has appeared there
_SPOT = 0.25  # samples between places that lie on one spot


def correspond(outline: Outline) -> np.ndarray:
    """Return places (T, S), in samples: column s is one place of the object on all frames; rows ascend.

    Where a stretch of an outline appears or vanishes, places of other frames lie on one spot.
    """
    frames, count = outline.points.shape
    if frames == 1:
        return np.arange(count, dtype=np.float64)[None]
    middle = frames // 2
    features = Features.of(outline)
    sources = np.concatenate([np.arange(1, middle + 1), np.arange(middle, frames - 1)])
    targets = np.concatenate([np.arange(middle), np.arange(middle + 1, frames)])
    matches = dict(zip(targets.tolist(), match(features.take(sources), features.take(targets))))
    found = _Composed(count)
    rows = [np.arange(count, dtype=np.float64)]
    for target in range(middle + 1, frames):
        rows = found.add(rows, _follow(matches[target], rows[-1]))
    rows.reverse()  # from the last frame to the middle one
    for target in range(middle - 1, -1, -1):
        rows = found.add(rows, _follow(matches[target], rows[-1]))
    places = _even(np.array(rows[::-1]), count)
    reference = features.at(places).take(np.full(frames, middle))
    return registered(reference, features, places)


@dataclass(frozen=True)
class _Composed:
    """Adds frames to places that correspond, with more of them where a stretch of an outline appears."""

    count: int  # samples of an outline

    def add(self, rows: list[np.ndarray], places: np.ndarray) -> list[np.ndarray]:
        """Return `rows` of places and one more frame's, which follow from those of the last row."""
        wide = np.flatnonzero(_steps(places[None], self.count)[0] > _MAX_GAP)
        if len(wide):
            places = self._spread(rows[-1], places, wide)
        gaps = _steps(places[None], self.count)[0]
        wide = np.flatnonzero(gaps > _MAX_GAP)
        numbers = np.zeros(len(places), np.int64)
        numbers[wide] = np.ceil(gaps[wide] / _GRID).astype(np.int64) - 1
        return [_with_more(row, numbers, self.count) for row in [*rows, places]]

    def _spread(self, before: np.ndarray, places: np.ndarray, wide: np.ndarray) -> np.ndarray:
        """Spread places that lay on one spot over the gap beside them: a stretch that had vanished appears again."""
        total = len(places)
        steps = _steps(before[None], self.count)[0]
        result = places.copy()
        for index in wide:
            first, last = index, index + 1
            while index - first < total // 8 and steps[first - 1] < _SPOT:
                first -= 1
            while last - index < total // 8 and steps[last % total] < _SPOT:
                last += 1
            inner = np.arange(first, last + 1)
            turns, at = np.divmod(inner, total)
            start, end = places[at[0]] + turns[0] * self.count, places[at[-1]] + turns[-1] * self.count
            result[at] = np.linspace(start, end, len(inner)) - turns * self.count
        return np.maximum.accumulate(result)


def _with_more(places: np.ndarray, numbers: np.ndarray, count: int) -> np.ndarray:
    """Insert `numbers` (N,) of places evenly after each of `places` (N,)."""
    if not numbers.any():
        return places
    at = np.repeat(np.arange(len(places)), numbers + 1)
    order = np.arange(len(at)) - np.repeat(np.cumsum(numbers + 1) - numbers - 1, numbers + 1)
    steps = _steps(places[None], count)[0]
    return places[at] + steps[at] * order / (numbers[at] + 1)


def _even(places: np.ndarray, count: int) -> np.ndarray:
    """Resample places (T, N) to (T, `count`), each of which stands for as much of the outlines."""
    weights = np.sqrt((_steps(places, count) ** 2).mean(axis=0))  # more than the mean for what few frames show
    at = np.concatenate([[0], np.cumsum(weights)])
    goal = np.arange(count) / count * at[-1]
    closed = np.concatenate([places, places[:, :1] + count], axis=1)
    return np.stack([np.interp(goal, at, row) for row in closed])


def _steps(places: np.ndarray, count: int) -> np.ndarray:
    """Return the distances (T, N) from each of the places (T, N) to the next, around an outline of `count` samples."""
    return np.diff(np.concatenate([places, places[:, :1] + count], axis=1), axis=1)


def _follow(match_: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Map places (N,) by a match (S,), which gives for each sample its place on another outline."""
    count = len(match_)
    turns = np.floor(places / count)
    closed = np.append(match_, match_[0] + count)
    return np.interp(places - turns * count, np.arange(count + 1), closed) + turns * count


def match(source: Features, target: Features) -> np.ndarray:
    """Match each sample of T outlines with a place on T others: (T, S), in samples, ascending.

    The similarity transform that aligns the two best is removed first.
    """
    count = source.points.shape[1]
    shift, rotation = _aligned(source.points, target.points)
    rows = np.arange(len(shift))[:, None]
    order = (np.arange(count)[None] + shift[:, None]) % count
    rolled = Features(
        target.points[rows, order], target.tangents[rows, order], target.turns[rows, order], target.lengths
    )
    step = 2 if count >= _COARSE_FROM else 1
    nodes = _shortest_paths(_moved(source, rotation, rolled).every(step), rolled.every(step)) * step
    return registered(source, target, _every_sample(nodes, count) + shift[:, None])


def _moved(source: Features, rotation: np.ndarray, target: Features) -> Features:
    """Move the source outlines onto the target outlines, given a rotation (T,) complex."""
    centre, goal = source.points.mean(axis=1, keepdims=True), target.points.mean(axis=1, keepdims=True)
    unit = rotation / np.maximum(np.abs(rotation), 1e-9)
    return Features(
        (source.points - centre) * rotation[:, None] + goal,
        source.tangents * unit[:, None],
        source.turns,
        source.lengths,
    )


def _aligned(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return by how many samples each target (T, S) is ahead of its source, and the rotation and scale (T,) complex.

    The rotation is the one nearest to none where several fit.
    """
    a, b = (points - points.mean(axis=1, keepdims=True) for points in (source, target))
    correlation = np.fft.ifft(np.fft.fft(b, axis=1) * np.fft.fft(a, axis=1).conj(), axis=1)
    shift = correlation.real.argmax(axis=1)
    best = correlation[np.arange(len(shift)), shift]
    rotation = best / np.maximum((np.abs(a) ** 2).sum(axis=1), 1e-9)
    size = np.maximum(np.abs(rotation), 1e-9)
    return shift, rotation / size * np.clip(size, 0.8, 1.25)


def _shortest_paths(source: Features, target: Features) -> np.ndarray:
    """Match every `_GRID`-th sample of the sources to a sample of the targets: (T, S / `_GRID`) integers, ascending.

    Both outlines begin at about the same place. Each path runs over one and a half turns, of which the middle one is
    taken, so that where the outlines begin is of no account.
    """
    frames, count = source.points.shape
    nodes, half = count // _GRID, count // 6
    width = 2 * half + 1
    extra = nodes // 4
    sigma = _POSITION_SIGMA[0] + _POSITION_SIGMA[1] * target.lengths
    scale = np.float32(_POSITION_WEIGHT) / sigma[:, None].astype(np.float32) ** 2
    a_points, b_points = _tripled(source.points), _tripled(target.points)
    a_tangents, b_tangents = _tripled(source.tangents), _tripled(target.tangents)
    a_turns, b_turns = _tripled(source.turns), _tripled(target.turns)
    total = np.zeros((frames, width), np.float32)
    choices = np.zeros((nodes + 2 * extra, frames, width), np.int8)
    for row in range(nodes + 2 * extra):
        at = count + (row - extra) * _GRID
        band = slice(at - half, at + half + 1)
        gap = b_points[:, band] - a_points[:, at, None]
        cost = np.minimum((gap.real**2 + gap.imag**2) * scale, _MAX_POSITION_COST)
        along = b_tangents[:, band] * a_tangents[:, at, None].conj()
        cost += _TANGENT_WEIGHT * (1 - along.real)
        cost += _CURVATURE_WEIGHT * np.minimum((b_turns[:, band] - a_turns[:, at, None]) ** 2, 1)
        if row:
            total = _advance(total, choices[row])
        total += cost
    return _traced_back(total, choices)[:, extra : extra + nodes] + np.arange(nodes) * _GRID - half


def _advance(total: np.ndarray, choice: np.ndarray) -> np.ndarray:
    """Return the lowest costs (T, W) of paths that advance by one node; write the index of each step to `choice`."""
    frames, width = total.shape
    most = max(_STEPS) - _GRID
    padded = np.full((frames, width + most + _GRID), np.float32(np.inf))
    padded[:, most : most + width] = total
    best = np.full_like(total, np.inf)
    for index, step in enumerate(_STEPS):
        start = most - (step - _GRID)
        cost = padded[:, start : start + width] + np.float32(_STRETCH_COST * abs(step - _GRID))
        better = cost < best
        best = np.where(better, cost, best)
        choice[better] = index
    return best


def _traced_back(total: np.ndarray, choices: np.ndarray) -> np.ndarray:
    """Return the positions (T, rows) in the band of the cheapest paths."""
    rows, frames, _ = choices.shape
    steps, which = np.array(_STEPS) - _GRID, np.arange(frames)
    path = np.empty((frames, rows), np.int64)
    path[:, -1] = total.argmin(axis=1)
    for row in range(rows - 1, 0, -1):
        path[:, row - 1] = path[:, row] - steps[choices[row, which, path[:, row]]]
    return path


def _every_sample(nodes: np.ndarray, count: int) -> np.ndarray:
    """Interpolate matches of nodes (T, N), evenly spaced, to all samples (T, S); let them end where they begin."""
    total = nodes.shape[1]
    places = nodes.astype(np.float64)
    closed = np.concatenate([places, places[:, :1] + count], axis=1)
    overshoot = np.maximum(closed[:, -2] - closed[:, -1], 0)  # the two ends of a path may differ a little
    closed[:, :-1] -= overshoot[:, None] * np.linspace(0, 1, total)
    at = np.arange(count) * total / count
    low = np.minimum(at.astype(int), total - 1)
    part = at - low
    return closed[:, low] * (1 - part) + closed[:, low + 1] * part


def _tripled(values: np.ndarray) -> np.ndarray:
    """Repeat periodic values (T, S) three times along each row, in single precision."""
    return np.concatenate([values] * 3, axis=1).astype(np.complex64 if np.iscomplexobj(values) else np.float32)
