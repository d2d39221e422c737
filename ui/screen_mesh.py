"""The part of a clip that a region shows, as triangles fine enough to draw single rectangles of the clip."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

_FINE = 512  # triangles of a mesh that bends the clip: then one covers about a sixteenth of its width and height
_STEP = 32  # what is shown is rounded up to this fraction of the clip, so that panning makes few new textures
_STRAIGHT = 0.05  # pixels of the screen: a mesh that bends the clip less is drawn as if it were straight


@dataclass(frozen=True)
class Bounds:
    """Rectangle of a clip in fractions of its width and height, y down."""

    left: float
    top: float
    right: float
    bottom: float

    def grown(self, across: float, down: float) -> Bounds:
        """Return the rectangle with a margin on each side."""
        return Bounds(self.left - across, self.top - down, self.right + across, self.bottom + down)

    def within(self, other: Bounds) -> Bounds:
        """Return the part of the rectangle within another; it has no width or height if there is none."""
        left, top = max(self.left, other.left), max(self.top, other.top)
        return Bounds(left, top, max(left, min(self.right, other.right)), max(top, min(self.bottom, other.bottom)))


WHOLE = Bounds(0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class ScreenMesh:
    """Triangles that show a clip in a region; but those out of view are left out."""

    points: np.ndarray  # (T, 3, 2) float32, in the region
    places: np.ndarray  # (T, 3, 2) float32, in fractions of the clip, y down
    scale: tuple[float, float]  # how many pixels of the screen the clip's width and height span
    shown: Bounds  # the part of the clip in view, rounded up
    matrix: np.ndarray | None  # (3, 2): (x, y, 1) of the clip @ matrix = point of the region; None if the clip is bent

    @classmethod
    def of(
        cls, points: np.ndarray, coordinates: np.ndarray, triangles: np.ndarray, size: tuple[int, int]
    ) -> ScreenMesh:
        """Make the mesh from that of a ClipView, for a region of a size (width, height)."""
        corners = points[triangles].astype(np.float32)
        places = coordinates[triangles].astype(np.float32)
        places[..., 1] = 1 - places[..., 1]
        finite = np.isfinite(corners).all(axis=(1, 2))
        corners, places = corners[finite], places[finite]
        matrix = _matrix(corners, places)
        scale = _scale(corners, places)
        while matrix is None and 0 < len(corners) < _FINE:
            corners, places = _divided(corners), _divided(places)
        in_view = _overlap(corners, np.zeros(2), np.array(size))
        corners, places = corners[in_view], places[in_view]
        return cls(corners, places, scale, _shown(places, matrix, size), matrix)

    def over(self, areas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return triangles that cover rectangles of the clip: points (N, 2) and places (N, 2).

        `areas` (A, 4) holds the fractions left, top, right, bottom. A bent mesh gives whole triangles, which may
        reach out of the rectangles.
        """
        low = np.maximum(areas[:, :2], (self.shown.left, self.shown.top))
        high = np.minimum(areas[:, 2:], (self.shown.right, self.shown.bottom))
        inside = (low < high).all(axis=1)
        low, high = low[inside], high[inside]
        if self.matrix is None or not len(self.places):
            chosen = _overlap(self.places, low[:, None], high[:, None]).any(axis=0)
            return self.points[chosen].reshape(-1, 2), self.places[chosen].reshape(-1, 2)
        a, b = low, np.stack([high[:, 0], low[:, 1]], axis=1)
        c, d = high, np.stack([low[:, 0], high[:, 1]], axis=1)
        places = np.stack([a, b, c, a, c, d], axis=1).reshape(-1, 2)
        points = places @ self.matrix[:2] + self.matrix[2]
        return points.astype(np.float32), places.astype(np.float32)


def area(bounds: Bounds) -> np.ndarray:
    """Return one rectangle as an array (1, 4) for `ScreenMesh.over`."""
    return np.array([(bounds.left, bounds.top, bounds.right, bounds.bottom)])


def _overlap(triangles: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return which triangles (T, 3, 2) may overlap a rectangle from `low` to `high` (..., 2): (..., T) bool."""
    return ((triangles.max(axis=1) > low) & (triangles.min(axis=1) < high)).all(axis=-1)


def _divided(triangles: np.ndarray) -> np.ndarray:
    """Divide each of the triangles (T, 3, 2) into four at the middles of its sides."""
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
    parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return np.concatenate([np.stack(part, axis=1) for part in parts])


def _matrix(points: np.ndarray, places: np.ndarray) -> np.ndarray | None:
    """Return the matrix (3, 2) of a mesh that covers the whole clip without bending it, or None."""
    sides = (places[:, 1:] - places[:, :1]).astype(np.float64)
    covered = np.abs(np.linalg.det(sides)).sum() / 2 if len(sides) else 0.0
    if not math.isclose(covered, 1.0, abs_tol=1e-3):
        return None
    known = np.concatenate([places.reshape(-1, 2), np.ones((places.size // 2, 1))], axis=1).astype(np.float64)
    shown = points.reshape(-1, 2).astype(np.float64)
    matrix, *_ = np.linalg.lstsq(known, shown, rcond=None)
    is_straight = np.abs(known @ matrix - shown).max() <= _STRAIGHT and abs(np.linalg.det(matrix[:2])) > 1e-6
    return matrix if is_straight else None


def _shown(places: np.ndarray, matrix: np.ndarray | None, size: tuple[int, int]) -> Bounds:
    """Return the part of the clip in a region of this size, given the places of the triangles in view."""
    if not len(places):
        return Bounds(0.0, 0.0, 0.0, 0.0)
    found = places.reshape(-1, 2)
    if matrix is not None:
        corners = np.array([(0, 0), (size[0], 0), (0, size[1]), size], np.float64)
        found = (corners - matrix[2]) @ np.linalg.inv(matrix[:2])
    low = np.floor(found.min(axis=0) * _STEP) / _STEP
    high = np.ceil(found.max(axis=0) * _STEP) / _STEP
    return Bounds(*low.tolist(), *high.tolist()).within(WHOLE)


def _scale(points: np.ndarray, places: np.ndarray) -> tuple[float, float]:
    """Return the length on the screen of the clip's width and height, by the median of the triangles.

    Each triangle is an affine map from the clip to the screen; the lengths of its two rows are what is asked for.
    """
    sides = (places[:, 1:] - places[:, :1]).astype(np.float64)
    shown = (points[:, 1:] - points[:, :1]).astype(np.float64)
    good = np.abs(np.linalg.det(sides)) > 1e-12 if len(sides) else np.zeros(0, bool)
    if not good.any():
        return 1.0, 1.0
    lengths = np.linalg.norm(np.linalg.solve(sides[good], shown[good]), axis=-1)
    across, down = np.median(lengths, axis=0).tolist()
    return across, down
