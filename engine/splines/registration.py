"""Refinement of matches between outlines to fractions of a sample, by Gauss-Newton steps under an elastic membrane."""

from __future__ import annotations

import numpy as np

from .outline import Features, interpolate

_ROUNDS = 3
_TURN_WEIGHT, _TANGENT_WEIGHT, _POSITION_WEIGHT = 2.0, 1.0, 0.02
_POSITION_SIGMA = 1.0, 0.02  # pixels, and in lengths of the outline
_STIFFNESS = 4.0  # of the membrane between two samples
_YIELD = 0.5  # samples of stretch between two samples, at which the membrane begins to give way
_MAX_TURN_GAP = 0.7  # radians between two outlines' turns, beyond which they are hardly compared
_MAX_STEP = 2.0  # samples


def registered(source: Features, target: Features, places: np.ndarray) -> np.ndarray:
    """Improve the places (T, S) on the target outlines, in samples, that match the samples of the sources.

    Where an outline bends, its bends decide; between them the membrane spreads the matches evenly.
    """
    count = places.shape[1]
    pixels = target.lengths[:, None] / count
    sigma = _POSITION_SIGMA[0] + _POSITION_SIGMA[1] * target.lengths[:, None]
    target_bends = target.derivatives()
    for _ in range(_ROUNDS):
        points = interpolate(target.points, places)
        rotation, offset = similarity(source.points, points)
        unit = rotation / np.maximum(np.abs(rotation), 1e-9)
        tangents = interpolate(target.tangents, places)
        turn_gap = interpolate(target.turns, places) - source.turns
        tangent_gap = tangents - source.tangents * unit
        gap = points - (source.points * rotation + offset)
        trust = 1 / (1 + (turn_gap / _MAX_TURN_GAP) ** 2) ** 2
        turn_slope = interpolate(target_bends.turns, places)
        tangent_slope = interpolate(target_bends.tangents, places)
        pull = (pixels / sigma) ** 2 * _POSITION_WEIGHT
        curvature = trust * (_TURN_WEIGHT * turn_slope**2 + _TANGENT_WEIGHT * np.abs(tangent_slope) ** 2) + pull
        slope = (
            trust * (_TURN_WEIGHT * turn_slope * turn_gap + _TANGENT_WEIGHT * (tangent_slope.conj() * tangent_gap).real)
            + pull * (gap * tangents.conj()).real / pixels
        )
        steps = np.diff(np.concatenate([places, places[:, :1] + count], axis=1), axis=1)
        stretch = steps - 1
        stiffness = _STIFFNESS / (1 + (stretch / _YIELD) ** 2)
        force = stiffness * stretch
        right = -slope + force - np.roll(force, 1, axis=1)
        moves = solve_cyclic(curvature, stiffness, right)
        places = np.maximum.accumulate(places + np.clip(moves, -_MAX_STEP, _MAX_STEP), axis=1)
    return places


def similarity(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rotation and scale, and offset, (T, 1) complex, that map source points (T, S) onto target points best."""
    centre, goal = source.mean(axis=1, keepdims=True), target.mean(axis=1, keepdims=True)
    a, b = source - centre, target - goal
    rotation = (a.conj() * b).sum(axis=1, keepdims=True) / np.maximum((np.abs(a) ** 2).sum(axis=1, keepdims=True), 1e-9)
    return rotation, goal - centre * rotation


def solve_cyclic(diagonal: np.ndarray, links: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve T cyclic tridiagonal systems: `diagonal` (T, S) plus the Laplacian whose weights to the next are `links`.

    The corner entries are removed by the formula of Sherman and Morrison.
    """
    before = np.roll(links, 1, axis=1)
    main = (diagonal + links + before).T.copy()
    upper = -links.T
    corner = upper[-1].copy()
    gamma = -main[0]
    main[0] -= gamma
    main[-1] -= corner**2 / gamma
    vector = np.zeros_like(main)
    vector[0], vector[-1] = gamma, corner
    solutions = _solve_tridiagonal(main, upper[:-1], np.stack([right.T, vector], axis=-1))
    base, correction = solutions[..., 0], solutions[..., 1]
    factor = (base[0] + corner * base[-1] / gamma) / (1 + correction[0] + corner * correction[-1] / gamma)
    return (base - factor * correction).T


def _solve_tridiagonal(main: np.ndarray, off: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve symmetric tridiagonal systems (S, T) with off-diagonals (S - 1, T) for right sides (S, T, N)."""
    count = len(main)
    pivots, result = main.copy(), right.copy()
    for row in range(1, count):
        factor = off[row - 1] / pivots[row - 1]
        pivots[row] -= factor * off[row - 1]
        result[row] -= factor[:, None] * result[row - 1]
    result[-1] /= pivots[-1][:, None]
    for row in range(count - 2, -1, -1):
        result[row] = (result[row] - off[row][:, None] * result[row + 1]) / pivots[row][:, None]
    return result
