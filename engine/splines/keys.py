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
        """Fit shapes (N, D) on own `keys` (N,) to all frames; also return how far frames exceed their limits, (T,).

        Frames beyond their limit gain weight in turn, so that the largest excess becomes small.
        """
        name = keys.tobytes()
        if name not in self._fitted:
            self._fitted[name] = self._fit(keys)
        return self._fitted[name]

    def _fit(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        frames = len(self.shapes)
        if len(keys) == frames:
            return self.shapes, excess(self.errors(self.shapes), self.limits)
        matrix, weights = interpolation(keys, frames), self.weights
        best: tuple[np.ndarray, np.ndarray] | None = None
        for _ in range(_REWEIGHTED):
            values = _least_squares(matrix, self.shapes, weights)
            over = excess(self.errors(matrix @ values), self.limits)
            if best is None or over.max() < best[1].max():
                best = values, over
            if over.max() <= 1:
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
    best: np.ndarray | None = None
    tried: set[bytes] = set()
    for boldness in _BOLDNESS:
        keys = _fewest(worst, fixed, boldness)
        if keys.tobytes() not in tried:
            tried.add(keys.tobytes())
            found = _completed(courses, keys)
            if best is None or len(found) < len(best):
                best = found
    assert best is not None  # there is always at least one boldness
    return _without_needless(courses, best, fixed, worst)


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


def _fewest(worst: np.ndarray, fixed: np.ndarray, boldness: float) -> np.ndarray:
    """Return the fewest keys (N,) whose spans' squared excess `worst` (F, F) is within `boldness`: a shortest path."""
    frames = len(worst)
    costs, previous = np.zeros(frames), np.zeros(frames, np.int64)
    for frame in range(1, frames):
        low = max(int(fixed[np.searchsorted(fixed, frame) - 1]), frame - _MAX_SPAN)
        share = worst[low:frame, frame] / boldness**2
        found = np.where(share <= 1, costs[low:frame] + 1 + _TIE * share, np.inf)
        previous[frame] = low + int(found.argmin())
        costs[frame] = found.min()
    keys = [frames - 1]
    while keys[-1]:
        keys.append(int(previous[keys[-1]]))
    return np.array(keys[::-1])


def _excess(courses: Sequence[Course], keys: np.ndarray) -> np.ndarray:
    """Return how far the splines exceed their limits on each frame (F,), the largest of all, given the part's keys."""
    over = np.zeros(int(keys[-1]) + 1)
    for course in courses:
        known = over[course.start : course.end]
        np.maximum(known, course.fitted(course.own(keys))[1], out=known)
    return over


def _completed(courses: Sequence[Course], keys: np.ndarray) -> np.ndarray:
    """Add keys until no frame is beyond its limit; return them (N,)."""
    while True:
        over = _excess(courses, keys)
        more = [
            start + 1 + int(over[start + 1 : end].argmax())  # the worst frame of the gap
            for start, end in zip(keys[:-1], keys[1:])
            if end - start > 1 and over[start : end + 1].max() > 1
        ]
        if not more:
            return keys
        keys = np.union1d(keys, more)


def _without_needless(courses: Sequence[Course], keys: np.ndarray, fixed: np.ndarray, worst: np.ndarray) -> np.ndarray:
    """Leave out keys, those that matter least first, without which no frame exceeds its limit."""
    for share in _REMOVED:
        inner = np.arange(1, len(keys) - 1)
        inner = inner[~np.isin(keys[inner], fixed)]
        bends = worst[keys[inner - 1], keys[inner + 1]]
        chosen: set[int] = set()
        for index in inner[np.argsort(bends)].tolist():
            if len(chosen) < share * len(keys) and not {index - 1, index + 1} & chosen:
                chosen.add(index)
        fewer = np.delete(keys, list(chosen))
        if chosen and _excess(courses, fewer).max() <= 1:
            keys = fewer
    return keys
