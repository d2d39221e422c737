"""Choice of the few frames on which a spline needs a key, and of its shape there, by least squares over all frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .basis import Basis
from .fitting import distances, excess, frame_errors
from .outline import Outline

_SLACK = 0.4  # of the limits that interpolation may add to the error of a key on the frame itself
_BOLDNESS = 1.0, 1.3, 1.7, 2.2  # factors of the limit within which keys are set apart before the fit brings them nearer
_REWEIGHTED = 4  # rounds in which frames beyond their limit gain weight
_MAX_WEIGHT = 4.0  # largest excess that counts in a round
_REMOVED = 0.4, 0.2, 0.1, 0.1, 0.05, 0.05  # shares of the keys that are tried to be left out, one after another


@dataclass(frozen=True)
class Keyed:
    """Spline over T frames, keyed on some."""

    keys: np.ndarray  # (N,) indices of frames, ascending
    unknowns: np.ndarray  # (N, D) complex, of the basis
    errors: np.ndarray  # (T, 2) mean and 95th percentile of the distance to the outline, in pixels


def thin(search: Search) -> np.ndarray:
    """Choose keys (N,) such that the interpolated spline stays within the limits around the outline on every frame.

    On frames that the spline hardly fits that well with a key of their own, `_SLACK` more than then is accepted.
    """
    best: Keyed | None = None
    tried: set[bytes] = set()
    for boldness in _BOLDNESS:
        keys = search.spaced(boldness)
        if keys.tobytes() in tried:
            continue
        tried.add(keys.tobytes())
        found = search.completed(keys)
        if best is None or len(found.keys) < len(best.keys):
            best = found
    assert best is not None  # there is always at least one boldness
    return search.without_needless(best).keys


def interpolation(keys: np.ndarray, frames: int) -> np.ndarray:
    """Return the matrix (T, N) that interpolates values on keys linearly on all frames."""
    return np.stack([np.interp(np.arange(frames), keys, unit) for unit in np.eye(len(keys))], axis=1)


def fit_keys(keys: np.ndarray, values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the values on keys (N, D) whose interpolation fits `values` (T, D) best, by least squares."""
    matrix = interpolation(keys, len(values))
    weighted = matrix if weights is None else matrix * weights[:, None]
    return np.linalg.solve(weighted.T @ matrix, weighted.T @ values)


@dataclass(frozen=True)
class Search:
    """Search for keys of one spline."""

    outline: Outline
    places: np.ndarray  # (T, S)
    basis: Basis
    shapes: np.ndarray  # (T, D) unknowns that fit each frame best
    limits: np.ndarray  # (T, 2) of the mean and the 95th percentile of the distance

    @classmethod
    def of(cls, outline: Outline, places: np.ndarray, basis: Basis, limits: np.ndarray) -> Search:
        shapes = outline.at(places) @ basis.solver.T
        own = frame_errors(distances(outline, places, shapes @ basis.samples.T))
        return cls(outline, places, basis, shapes, np.maximum(own + _SLACK * limits, limits))

    def errors(self, unknowns: np.ndarray, frames: slice) -> np.ndarray:
        """Return the errors (F, 2) of the splines `unknowns` (F, D) on some frames."""
        outline = Outline(self.outline.points[frames], self.outline.lengths[frames])
        return frame_errors(distances(outline, self.places[frames], unknowns @ self.basis.samples.T))

    def spaced(self, boldness: float) -> np.ndarray:
        """Return keys as far apart as interpolation between the best fits stays within `boldness` times the limits."""
        frames = len(self.shapes)
        keys = [0]
        stride = 1
        while keys[-1] < frames - 1:
            start = keys[-1]
            good, bad = start + 1, frames
            while good + 1 < bad:  # first in growing strides, then halving
                end = min(good + stride, bad - 1) if bad == frames else (good + bad) // 2
                end = max(end, good + 1)
                if self._spans(start, end, boldness):
                    good = end
                    stride *= 2
                else:
                    bad = end
            stride = max((good - start) // 2, 1)
            keys.append(good)
        return np.array(keys)

    def _spans(self, start: int, end: int, boldness: float) -> bool:
        inner = slice(start + 1, end)
        part = ((np.arange(start + 1, end) - start) / (end - start))[:, None]
        between = (1 - part) * self.shapes[start] + part * self.shapes[end]
        return bool(excess(self.errors(between, inner), self.limits[inner]).max() <= boldness)

    def completed(self, keys: np.ndarray) -> Keyed:
        """Fit the keys to all frames; add keys until no frame is beyond its limit."""
        while True:
            found, over = self.fitted(keys)
            more = _missing(keys, over)
            if not len(more):
                return found
            keys = np.union1d(keys, more)

    def fitted(self, keys: np.ndarray) -> tuple[Keyed, np.ndarray]:
        """Fit the keys to all frames, and more closely to those beyond their limit; also return the excess (T,)."""
        frames = len(self.shapes)
        weights = np.ones(frames)
        best: tuple[Keyed, np.ndarray] | None = None
        for _ in range(_REWEIGHTED):
            values = fit_keys(keys, self.shapes, weights)
            errors = self.errors(interpolation(keys, frames) @ values, slice(None))
            over = excess(errors, self.limits)
            if best is None or over.max() < best[1].max():
                best = Keyed(keys, values, errors), over
            if over.max() <= 1 or len(keys) == frames:
                break
            weights = weights * np.clip(over, 1, _MAX_WEIGHT) ** 2
        assert best is not None  # there is always at least one round
        return best

    def without_needless(self, found: Keyed) -> Keyed:
        """Leave out keys, those that bend the motion least first, without which no frame exceeds its limit."""
        for share in _REMOVED if len(found.keys) > 2 else ():
            keys, values = found.keys, found.unknowns
            part = ((keys[1:-1] - keys[:-2]) / (keys[2:] - keys[:-2]))[:, None]
            bends = np.abs((1 - part) * values[:-2] + part * values[2:] - values[1:-1]).mean(axis=1)
            chosen: set[int] = set()
            for index in 1 + np.argsort(bends):
                if len(chosen) < share * len(keys) and not {index - 1, index + 1} & chosen:
                    chosen.add(int(index))
            if chosen:
                fewer, over = self.fitted(np.delete(keys, list(chosen)))
                if over.max() <= 1:
                    found = fewer
        return found


def _missing(keys: np.ndarray, over: np.ndarray) -> np.ndarray:
    """Return the worst frame (M,) of each gap between keys in which, or at whose ends, a frame is over its limit."""
    more = []
    for start, end in zip(keys[:-1], keys[1:]):
        if end - start > 1 and over[start : end + 1].max() > 1:
            more.append(start + 1 + int(over[start + 1 : end].argmax()))
    return np.array(more, np.int64)
