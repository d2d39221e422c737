"""Measures of a matte against the exact alpha: SAD, MSE, gradient, flicker and boundary F, whole and near the edge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import cv2
import numpy as np

from .measures import EDGE, flicker
from .score import contour_accuracy

_SIGMA = 1.4  # of the derivative of a Gaussian (Rhemann et al. 2009)
_NEAR = 12  # pixels from the true edge and its soft pixels


@dataclass(frozen=True)
class EdgeScores:
    """Errors of mattes, or their means over frames. All but `boundary` are the better the smaller."""

    sad: float  # sum of absolute differences, thousands of pixels
    mse: float  # mean squared difference of all pixels x 1000
    near_sad: float  # the same near the true edge
    near_mse: float
    gradient: float  # sum of squared differences of gradients / 1000
    flicker: float | None  # dtSSD x 100 since the frame before
    boundary: float  # F at 2 pixels, 0..1
    region: float  # J of the mattes from one half on, 0..1


def scores(alpha: np.ndarray, true: np.ndarray, before: tuple[np.ndarray, np.ndarray] | None = None) -> EdgeScores:
    """Compare an alpha (H, W) with the true one; `before` are both on the frame before."""
    apart = np.abs(alpha - true)
    near = near_edge(true)
    inside, truly = alpha >= 0.5, true >= 0.5
    union = np.count_nonzero(inside | truly)
    return EdgeScores(
        float(apart.sum()) / 1000,
        1000 * float(np.mean(np.square(apart))),
        float(apart[near].sum()) / 1000,
        1000 * float(np.mean(np.square(apart[near]))) if near.any() else 0.0,
        gradient_error(alpha, true),
        None if before is None else flicker(before[0], alpha, before[1], true),
        contour_accuracy(inside, truly, radius=EDGE),
        np.count_nonzero(inside & truly) / union if union else 1.0,
    )


def near_edge(true: np.ndarray) -> np.ndarray:
    """Mark the pixels (H, W) bool near the edge of the true alpha."""
    inside = (true >= 0.5).astype(np.uint8)
    edge = cv2.morphologyEx(inside, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    edge |= (true > 0.01) & (true < 0.99)
    distance = cv2.distanceTransform((~edge).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    near: np.ndarray = (distance <= _NEAR) & edge.any()
    return near


def gradient_error(alpha: np.ndarray, true: np.ndarray) -> float:
    """Return the sum of squared differences of the gradients' lengths, in thousands."""
    return float(np.square(_slope(alpha) - _slope(true)).sum()) / 1000


def _slope(alpha: np.ndarray) -> np.ndarray:
    reach = int(np.ceil(3 * _SIGMA))
    places = np.arange(-reach, reach + 1)
    bell = np.exp(-(places**2) / (2 * _SIGMA**2))
    bell /= np.sqrt((bell**2).sum())
    change = -places * np.exp(-(places**2) / (2 * _SIGMA**2))
    change /= np.sqrt((change**2).sum())
    across, down = cv2.sepFilter2D(alpha, -1, change, bell), cv2.sepFilter2D(alpha, -1, bell, change)
    slope: np.ndarray = np.hypot(across, down)
    return slope


def mean_scores(rows: Iterable[EdgeScores]) -> EdgeScores:
    """Average scores; values that are unknown do not count."""
    rows = list(rows)
    means = {}
    for field in fields(EdgeScores):
        values = [value for row in rows if (value := getattr(row, field.name)) is not None]
        means[field.name] = float(np.mean(values)) if values else None
    return EdgeScores(**means)  # type: ignore[arg-type]
