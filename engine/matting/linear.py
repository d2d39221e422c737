"""Local linear models of an alpha in the picture's colours, as in the guided filter (He et al. 2010, 2015)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .reduced import Floats, Place, Reduced

PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))  # of colour channels, in the order of `_solved`


@dataclass(frozen=True)
class LinearModels:
    """For each pixel of a reduced picture, the alpha as a linear function of the colour.

    The functions vary slowly, so they hold for the colours of the full picture too.
    """

    slopes: Floats  # (h, w, 3), of colours 0..1
    offsets: Floats  # (h, w)
    origin: tuple[int, int] = (0, 0)  # row and column of the reduced picture that they begin at

    @classmethod
    def fit(
        cls, colours: Floats, alpha: Floats, radius: int, smoothness: float, origin: tuple[int, int] = (0, 0)
    ) -> LinearModels:
        """Fit the functions to a picture (h, w, 3) 0..1 and an alpha (h, w), in windows of `radius` around each pixel.

        The larger `smoothness`, the fainter the edges of the picture that the alpha ignores.
        """
        side = 2 * radius + 1

        def mean(values: Floats) -> Floats:
            averaged: Floats = cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT)
            return averaged

        centre, level = mean(colours), mean(alpha)
        joint = mean(colours * alpha[..., None]) - centre * level[..., None]
        spread = [mean(colours[..., a] * colours[..., b]) - centre[..., a] * centre[..., b] for a, b in PAIRS]
        spread[:3] = [values + np.float32(smoothness) for values in spread[:3]]
        slopes = solved(spread, joint)
        return cls(mean(slopes), mean(level - (slopes * centre).sum(-1)), origin)

    def apply(self, colours: Floats, place: Place, sizes: Reduced) -> Floats:
        """Return the alpha, about 0..1, of the part of the full picture at `place`: its `colours` (H', W', 3) 0..1."""
        slopes = sizes.enlarge(self.slopes, self.origin, place)
        alpha: Floats = (slopes * colours).sum(-1) + sizes.enlarge(self.offsets, self.origin, place)
        return alpha


def solved(matrices: list[Floats], sides: Floats) -> Floats:
    """Return the solutions (h, w, 3) of symmetric systems of three equations.

    `matrices` are six arrays (h, w): xx, yy, zz, xy, xz, yz; `sides` (h, w, 3) are the right-hand sides.
    """
    xx, yy, zz, xy, xz, yz = matrices
    a, b, c = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy
    d, e, f = xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy
    determinant = np.maximum(xx * a + xy * b + xz * c, np.float32(1e-12))
    x, y, z = (sides[..., place] for place in range(3))
    found = np.stack([a * x + b * y + c * z, b * x + d * y + e * z, c * x + e * y + f * z], axis=-1)
    solutions: Floats = (found / determinant[..., None]).astype(np.float32)
    return solutions
