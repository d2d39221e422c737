"""Fitting of one spline to all outlines of a strand: where its points lie and which are corners."""

from __future__ import annotations

import numpy as np

from .basis import Basis
from .outline import Outline, interpolate

MIN_POINTS, MAX_POINTS = 8, 40
MOST_POINTS = 96  # of an outline that `MAX_POINTS` cannot follow
_CORNER_TURN = np.radians(40)  # within `_CORNER_REACH` of a corner to either side
_CORNER_REACH = 4.0, 0.01  # pixels, and in lengths of the outline
_CORNER_SHARE = 0.5  # of the frames on which a corner is one
_FRAMES_FOR_KNOTS = 48  # at most, evenly spaced
_SPATIAL_SHARE = 0.45  # of the limits that the spline itself may use up; interpolation between keys uses the rest
_ACCEPTED = 1.3  # times the limits that an outline of `MAX_POINTS` may be beside the matte before it gets more
_GOOD_FRAMES = 0.95  # share of the frames that must be within that
_OVERSHOOT = 1.6  # of what samples slide in a round, which converge slowly otherwise
_MAX_SLIDE = 4.0  # samples in a round
_MIN_SAMPLES = 4  # between two points


def distances(outline: Outline, places: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return how far the samples of the outlines (T, S) lie from a curve, given its points (T, S) near `places`."""
    return np.abs(outline.points - inverse(nearest(outline, places, points), points))


def nearest(outline: Outline, places: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the places (T, S) of the outlines nearest to points (T, S), sought from `places` on."""
    tangents = outline.at(places + 0.5) - outline.at(places - 0.5)
    tangents /= np.maximum(np.abs(tangents), 1e-9)
    along = ((points - outline.at(places)) * tangents.conj()).real / (outline.lengths[:, None] / outline.count)
    places = np.maximum.accumulate(places + np.clip(along, -_MAX_SLIDE, _MAX_SLIDE), axis=1)
    return np.minimum(places, places[:, :1] + outline.count)


def inverse(places: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the values (T, S) at each sample of an outline, given values (T, S) at ascending places (T, S)."""
    count = places.shape[1]
    result = np.empty_like(values)
    samples = np.arange(count)
    for row, (at, value) in enumerate(zip(places, values)):
        wanted = (samples - at[0]) % count + at[0]
        result[row] = np.interp(wanted, np.append(at, at[0] + count), np.append(value, value[0]))
    return result


def excess(errors: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Return how many times as large as allowed the errors (T, 2) are, (T,)."""
    return (errors / limits).max(axis=1)


def frame_errors(found: np.ndarray) -> np.ndarray:
    """Return mean and 95th percentile of distances (T, S), (T, 2)."""
    rank = int(0.95 * (found.shape[1] - 1))
    return np.stack([found.mean(axis=1), np.partition(found, rank, axis=1)[:, rank]], axis=1)


def shared_parameters(outline: Outline, places: np.ndarray) -> np.ndarray:
    """Return a parameter (S,) from 0 to 1 for the samples: their mean distance along the outlines from the first."""
    share = (places - places[:, :1]).mean(axis=0) / outline.count
    even = np.arange(len(share)) / len(share)
    return 0.98 * share + 0.02 * even  # strictly ascending


def turning(outline: Outline, places: np.ndarray) -> np.ndarray:
    """Return by which angle (T, S), 0 to pi, the outlines turn at each sample within `_CORNER_REACH`."""
    reach = np.maximum(_CORNER_REACH[0], _CORNER_REACH[1] * outline.lengths) * outline.count / outline.lengths
    reach = np.minimum(reach, outline.count / 14)[:, None]
    here = outline.at(places)
    return np.abs(np.angle((outline.at(places + reach) - here) * (here - outline.at(places - reach)).conj()))


def find_corners(turns: np.ndarray) -> np.ndarray:
    """Return the samples that are corners on enough frames, given the turning (T, S), the sharpest of neighbours."""
    sharp = np.quantile(turns, 1 - _CORNER_SHARE, axis=0)
    count = len(sharp)
    near = max(count // 40, _MIN_SAMPLES)
    found = [i for i in np.argsort(-sharp, kind="stable") if sharp[i] > _CORNER_TURN]
    chosen: list[int] = []
    for i in found:
        if all(min((i - other) % count, (other - i) % count) >= near for other in chosen):
            chosen.append(int(i))
        if len(chosen) == MAX_POINTS // 2:
            break
    return np.array(sorted(chosen), np.int64)


def choose_basis(outline: Outline, places: np.ndarray, limits: np.ndarray, pinned: np.ndarray) -> Basis:
    """Choose a spline with as few points as fit nearly all frames within a part of `limits` (T, 2).

    All frames that are `pinned` (T,) bool, which get keys, are fitted within their whole limits. The points are
    `MAX_POINTS` at most, or `MOST_POINTS` if the limits are exceeded by far otherwise. They are added, from corners and
    a few even ones on, in the middle of the error of the worst spans.
    """
    frames = np.union1d(np.linspace(0, len(places) - 1, _FRAMES_FOR_KNOTS).astype(int), np.flatnonzero(pinned))
    turns = turning(outline, places)
    corners = find_corners(turns)
    parameters = shared_parameters(outline, places)
    some = Outline(outline.points[frames], outline.lengths[frames])
    places, turns = places[frames], turns[frames]
    goals = some.at(places)
    tangents = some.at(places + 1) - some.at(places - 1)
    tangents /= np.maximum(np.abs(tangents), 1e-9)
    limits, pinned = limits[frames], pinned[frames]
    limits[~pinned] *= _SPATIAL_SHARE
    samples = _first_samples(corners, parameters)
    while True:
        basis = Basis(parameters[samples], np.isin(samples, corners), parameters)
        gaps = goals @ basis.solver.T @ basis.samples.T - goals
        found = np.abs((gaps * tangents.conj()).imag)
        over = excess(frame_errors(found), limits)
        most_over, pinned_over = np.quantile(over, _GOOD_FRAMES), over[pinned].max(initial=0)
        most = MAX_POINTS if max(_SPATIAL_SHARE * most_over / _ACCEPTED, pinned_over) <= 1 else MOST_POINTS
        if max(most_over, pinned_over) <= 1 or len(samples) >= most:
            return basis
        squares = ((found / limits[:, :1]) ** 2).mean(axis=0)
        more = _more_samples(samples, squares, min(max(4, len(samples) // 6), most - len(samples)))
        if not len(more):
            return basis
        samples = np.sort(np.concatenate([samples, more]))


def _first_samples(corners: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """Return the corners and samples between them that make up `MIN_POINTS` points, about evenly spaced."""
    samples = list(corners) if len(corners) else [0]
    while len(samples) < MIN_POINTS:
        ends = [*samples[1:], samples[0] + len(parameters)]
        spans = [
            (parameters[end % len(parameters)] - parameters[start]) % 1 or 1.0 for start, end in zip(samples, ends)
        ]
        widest = int(np.argmax(spans))
        goal = (parameters[samples[widest]] + spans[widest] / 2) % 1
        middle = int(np.abs(parameters - goal).argmin())
        if middle in samples:
            break
        samples = sorted([*samples, middle])
    return np.array(samples, np.int64)


def _more_samples(samples: np.ndarray, squared: np.ndarray, count: int) -> np.ndarray:
    """Return at most `count` samples to add: the middle of the error in the spans that hold most of it, (N,)."""
    total = len(squared)
    ends = np.append(samples[1:], samples[0] + total)
    sums = np.array([squared[np.arange(start, end) % total].sum() for start, end in zip(samples, ends)])
    chosen = []
    for index in np.argsort(-sums)[:count]:
        if ends[index] - samples[index] < 2 * _MIN_SAMPLES or sums[index] < 0.3 * sums.max():
            continue
        span = np.arange(samples[index], ends[index])
        mass = np.cumsum(squared[span % total])
        middle = span[int(np.searchsorted(mass, mass[-1] / 2))]
        middle = np.clip(middle, samples[index] + _MIN_SAMPLES, ends[index] - _MIN_SAMPLES)
        chosen.append(int(middle) % total)
    return np.array(chosen, np.int64)


def refine(outline: Outline, places: np.ndarray, basis: Basis, fixed: np.ndarray, rounds: int = 12) -> np.ndarray:
    """Fit the spline to every frame and let samples slide along the outlines to where it runs; return places (T, S).

    Samples at `fixed` indices stay: corners, which sliding would cut.
    """
    for _ in range(rounds):
        curves = outline.at(places) @ basis.solver.T @ basis.samples.T
        moved = nearest(outline, places, curves)
        places = slide(places, places + _OVERSHOOT * (moved - places), fixed)
    return places


def slide(places: np.ndarray, moved: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """Return `moved` (T, S), except near the `fixed` samples, which stay at `places`."""
    if not len(fixed):
        return moved
    count = places.shape[1]
    index = np.arange(count)
    gap = np.min([np.minimum((index - f) % count, (f - index) % count) for f in fixed], axis=0)
    part = np.clip(gap / _MIN_SAMPLES, 0, 1)
    return np.maximum.accumulate(places + (moved - places) * part, axis=1)


def widths_at(widths: np.ndarray, places: np.ndarray, basis: Basis) -> np.ndarray:
    """Return the width of the soft edge at each point of the spline, (T, K), given widths (T, S) along outlines."""
    samples = np.searchsorted(basis.parameters, basis.knots)
    return interpolate(widths, places[:, samples % places.shape[1]])
