"""Closed cubic Bezier splines as linear functions of few unknowns, in a parameter that all frames share.

At a smooth point the two handles lie in one line, at a ratio of lengths that never changes. Interpolation between
keys, which is linear in points and handles, keeps such a point smooth on every frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

_RIDGE = 1e-7  # of the normal equations' mean diagonal, where samples do not determine a handle


@dataclass(frozen=True)
class Basis:
    """Spline with K points at parameters `knots` and S samples.

    Its unknowns are, per point, its place and the derivative after it, and for corners the derivative before it.
    """

    knots: np.ndarray  # (K,) ascending, 0..1
    corners: np.ndarray  # (K,) bool
    parameters: np.ndarray  # (S,) of the samples, ascending, 0..1

    @cached_property
    def spans(self) -> np.ndarray:
        """Return the length of the parameter range from each point to the next, (K,)."""
        return np.diff(np.append(self.knots, self.knots[0] + 1))

    @cached_property
    def samples(self) -> np.ndarray:
        """Return the matrix (S, D) from the unknowns to the samples."""
        count = len(self.knots)
        shifted = (self.parameters - self.knots[0]) % 1
        segment = np.searchsorted(self.knots - self.knots[0], shifted, side="right") - 1
        span = self.spans[segment]
        u = (shifted - (self.knots - self.knots[0])[segment]) / span
        rows, following = np.arange(len(u)), (segment + 1) % count
        matrix = np.zeros((len(u), self.unknowns))
        matrix[rows, segment] += (1 + 2 * u) * (1 - u) ** 2
        matrix[rows, following] += u**2 * (3 - 2 * u)
        matrix[rows, count + segment] += u * (1 - u) ** 2 * span
        matrix[rows, self._before[following]] += u**2 * (u - 1) * span
        return matrix

    @cached_property
    def controls(self) -> np.ndarray:
        """Return the matrix (3 K, D) from the unknowns to left handle, point and right handle of each point."""
        count = len(self.knots)
        matrix = np.zeros((count, 3, self.unknowns))
        points = np.arange(count)
        matrix[points, :, points] = 1
        matrix[points, 0, self._before] -= np.roll(self.spans, 1) / 3
        matrix[points, 2, count + points] += self.spans / 3
        return matrix.reshape(3 * count, -1)

    @property
    def unknowns(self) -> int:
        """Return D, the number of unknowns."""
        return 2 * len(self.knots) + int(self.corners.sum())

    @cached_property
    def _before(self) -> np.ndarray:
        """Return the index of the derivative before each point, (K,)."""
        count = len(self.knots)
        return np.where(self.corners, 2 * count + np.cumsum(self.corners) - 1, count + np.arange(count))

    @cached_property
    def solver(self) -> np.ndarray:
        """Return the matrix (D, S) from samples to the unknowns that fit them best, by least squares."""
        # Samples count by the length of the outline that they stand for.
        weights = (np.roll(self.parameters, -1) - np.roll(self.parameters, 1)) % 1
        weighted = self.samples * np.maximum(weights, 1e-3 / len(weights))[:, None]
        normal = weighted.T @ self.samples
        scale = np.sqrt(np.maximum(normal.diagonal(), 1e-12))  # derivatives and places differ by orders of magnitude
        normal = normal / scale[:, None] / scale
        normal[np.diag_indices_from(normal)] += _RIDGE
        return np.linalg.solve(normal, weighted.T / scale[:, None]) / scale[:, None]
