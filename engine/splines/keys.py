"""Choice of the few frames on which the splines of a part need keys, and of their shapes there, by least squares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .fitting import excess, frame_errors

_MAX_SPAN = 64  # frames between two keys that are looked for; keys farther apart are found by leaving some out
_BOLDNESS = 1.0, 1.4, 1.9, 2.6  # factors of the limit within which keys are set apart before the fit brings them nearer
_TIE = 0.05  # of a key, that the error of the spans counts
_REWEIGHTED = 6  # rounds in which frames beyond their limit gain weight
_MAX_WEIGHT = 4.0  # largest excess that counts in a round
_REMOVED = 0.4, 0.2, 0.1, 0.1, 0.05, 0.05  # shares of the keys that are tried to be left out, one after another
FAITHFUL = 1000.0  # weight of a frame on which the spline must be as if it had been fitted to that frame alone


@dataclass(frozen=True)
class Course:
    """The course of one spline over the frames of its part: the shapes that fit best, and what keys may cost.

    Distances to the outline are linear in the spline's unknowns here: they are taken along the outline's normals.
    """

    start: int  # frame of the part, from 0, on which the spline appears
    shapes: np.ndarray  # (T, D) complex: unknowns that fit each frame best
    samples: np.ndarray  # (S, D) matrix from the unknowns to samples
    goals: np.ndarray  # (T, S) complex: where they should be
    normals: np.ndarray  # (T, S) complex, of length 1: across the outline there
    limits: np.ndarray  # (T, 2) of the mean and the 95th percentile of the distance, in pixels
    weights: np.ndarray  # (T,) of the frames in the fit
    lengths: np.ndarray  # (T,) of the outlines, in pixels
    budget: float  # area that mean distances, times these lengths, may sum up to
    _fitted: dict[bytes, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict, init=False)

    @property
    def end(self) -> int:
        """Return the frame of the part on which the spline is gone."""
        return self.start + len(self.shapes)

    def own(self, keys: np.ndarray) -> np.ndarray:
        """Return those of the part's `keys` (N,) that the spline has, counted from its own first frame."""
        return keys[(keys >= self.start) & (keys < self.end)] - self.start

    def errors(self, unknowns: np.ndarray) -> np.ndarray:
        """Return the errors (T, 2) of the splines `unknowns` (T, D)."""
        return frame_errors(np.abs(((unknowns @ self.samples.T - self.goals) * self.normals.conj()).real))

    def fitted(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Fit shapes (N, D) on own `keys` (N,) to all frames; also return the errors (T, 2).

        Frames beyond their limit gain weight in turn, so that the largest excess becomes small.
        """
        name = keys.tobytes()
        if name not in self._fitted:
            self._fitted[name] = self._fit(keys)
        return self._fitted[name]

    def _fit(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        frames = len(self.shapes)
        if len(keys) == frames:
            return self.shapes, self.errors(self.shapes)
        matrix, weights = interpolation(keys, frames), self.weights
        best: tuple[np.ndarray, np.ndarray] | None = None
        least = np.inf
        for _ in range(_REWEIGHTED):
            values = _least_squares(matrix, self.shapes, weights)
            errors = self.errors(matrix @ values)
            over = excess(errors, self.limits)
            if over.max() < least:
                best, least = (values, errors), over.max()
            if least <= 1:
                break
            weights = weights * np.clip(over, 1, _MAX_WEIGHT) ** 2
        assert best is not None  # there is always at least one round
        return best

    def spans(self, fixed: np.ndarray, worst: np.ndarray) -> None:
        """Raise `worst` (F, F) to the squared excess of the spans from each frame of the part to each later one.

        It is the largest that interpolation between the best shapes at the span's two ends has on the frames between
        them. Spans that hold one of the `fixed` keys are left.
        """
        curves = self.shapes @ self.samples.T
        own = self.own(fixed)
        for frame in range(1, len(curves) - 1):
            after = int(np.searchsorted(own, frame))
            if own[after] == frame:
                continue
            low, high = max(own[after - 1], frame - _MAX_SPAN), min(own[after], frame + _MAX_SPAN)
            gaps = ((curves[low : high + 1] - self.goals[frame]) * self.normals[frame].conj()).real
            gaps /= self.limits[frame, 0] * np.sqrt(gaps.shape[1])
            first, second = gaps[: frame - low], gaps[frame + 1 - low :]
            part = (frame - np.arange(low, frame))[:, None] / (
                np.arange(frame + 1, high + 1) - np.arange(low, frame)[:, None]
            )
            squares = (1 - part) ** 2 * (first**2).sum(axis=1)[:, None] + part**2 * (second**2).sum(axis=1)
            squares += 2 * part * (1 - part) * (first @ second.T)
            low, high, frame = low + self.start, high + self.start, frame + self.start
            known = worst[low:frame, frame + 1 : high + 1]
            np.maximum(known, squares, out=known)


def choose_keys(courses: Sequence[Course], fixed: np.ndarray) -> np.ndarray:
    """Choose keys (N,) such that all splines of a part stay within their limits, interpolated linearly between them.

    They include the `fixed` ones: the first and the last frame of the part and of each spline, at least.
    """
    frames = int(fixed[-1]) + 1
    worst = np.zeros((frames, frames), np.float32)
    for course in courses:
        course.spans(fixed, worst)
    search = _Search(courses, fixed, worst, sum(course.budget for course in courses))
    best: np.ndarray | None = None
    tried: set[bytes] = set()
    for boldness in _BOLDNESS:
        keys = search.fewest(boldness)
        if keys.tobytes() not in tried:
            tried.add(keys.tobytes())
            found = search.completed(keys)
            if best is None or len(found) < len(best):
                best = found
    assert best is not None  # there is always at least one boldness
    return search.without_needless(best)


def interpolation(keys: np.ndarray, frames: int) -> np.ndarray:
    """Return the matrix (T, N) that interpolates values on keys linearly on all frames."""
    at = np.arange(frames)
    before = np.clip(np.searchsorted(keys, at, side="right") - 1, 0, max(len(keys) - 2, 0))
    matrix = np.zeros((frames, len(keys)))
    if len(keys) == 1:
        return matrix + 1
    part = (at - keys[before]) / (keys[before + 1] - keys[before])
    matrix[at, before], matrix[at, before + 1] = 1 - part, part
    return matrix


def fit_keys(keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the values on keys (N, D) whose interpolation fits `values` (T, D) best, by least squares."""
    return _least_squares(interpolation(keys, len(values)), values, np.ones(len(values)))


def _least_squares(matrix: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    weighted = matrix * weights[:, None]
    return np.linalg.solve(weighted.T @ matrix, weighted.T @ values)


@dataclass(frozen=True)
class _Search:
    """Search for the keys of a part, in its F frames."""

    courses: Sequence[Course]
    fixed: np.ndarray  # keys that it has in any case
    worst: np.ndarray  # (F, F) squared excess of the spans from each frame to each later one
    budget: float  # area that mean distances, times lengths of outlines, may sum up to

    def fewest(self, boldness: float) -> np.ndarray:
        """Return the fewest keys (N,) whose spans' excess is within `boldness`: a shortest path."""
        frames = len(self.worst)
        costs, previous = np.zeros(frames), np.zeros(frames, np.int64)
        for frame in range(1, frames):
            low = max(int(self.fixed[np.searchsorted(self.fixed, frame) - 1]), frame - _MAX_SPAN)
            share = self.worst[low:frame, frame] / boldness**2
            found = np.where(share <= 1, costs[low:frame] + 1 + _TIE * share, np.inf)
            previous[frame] = low + int(found.argmin())
            costs[frame] = found.min()
        keys = [frames - 1]
        while keys[-1]:
            keys.append(int(previous[keys[-1]]))
        return np.array(keys[::-1])

    def measured(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the largest excess of all splines on each frame, and the area beside the outlines there, (F,) each."""
        over, areas = np.zeros((2, len(self.worst)))
        for course in self.courses:
            errors = course.fitted(course.own(keys))[1]
            known = over[course.start : course.end]
            np.maximum(known, excess(errors, course.limits), out=known)
            areas[course.start : course.end] += errors[:, 0] * course.lengths
        return over, areas

    def accepts(self, keys: np.ndarray) -> bool:
        """Return whether no frame exceeds its limit, nor all of them the budget."""
        over, areas = self.measured(keys)
        return bool(over.max() <= 1 and areas.sum() <= self.budget)

    def completed(self, keys: np.ndarray) -> np.ndarray:
        """Add keys on the worst frames until all is accepted; return them (N,)."""
        while True:
            over, areas = self.measured(keys)
            gaps = [(int(start), int(end)) for start, end in zip(keys[:-1], keys[1:]) if end - start > 1]
            found = [gap for gap in gaps if over[gap[0] : gap[1] + 1].max() > 1]
            measure = over
            if not found and gaps and areas.sum() > self.budget:
                measure = areas
                gaps.sort(key=lambda gap: -areas[gap[0] + 1 : gap[1]].max())
                found = gaps[: 1 + len(gaps) // 8]
            if not found:
                return keys
            keys = np.union1d(keys, [start + 1 + int(measure[start + 1 : end].argmax()) for start, end in found])

    def without_needless(self, keys: np.ndarray) -> np.ndarray:
        """Leave out keys, those that matter least first, without which all is still accepted."""
        for share in _REMOVED:
            inner = np.arange(1, len(keys) - 1)
            inner = inner[~np.isin(keys[inner], self.fixed)]
            bends = self.worst[keys[inner - 1], keys[inner + 1]]
            chosen: set[int] = set()
            for index in inner[np.argsort(bends)].tolist():
                if len(chosen) < share * len(keys) and not {index - 1, index + 1} & chosen:
                    chosen.add(index)
            fewer = np.delete(keys, list(chosen))
            if chosen and self.accepts(fewer):
                keys = fewer
        return keys
