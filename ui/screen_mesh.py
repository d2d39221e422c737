"""The part of a clip that a region shows, as triangles fine enough to draw single rectangles of the clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_FINE = 512  # triangles: then one covers about a sixteenth of the clip's width and height


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


WHOLE = Bounds(0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class ScreenMesh:
    """Triangles of the clip that a region shows at least in part."""

    points: np.ndarray  # (T, 3, 2) float32, in the region
    places: np.ndarray  # (T, 3, 2) float32, in fractions of the clip, y down
    scale: tuple[float, float]  # how many pixels of the screen the clip's width and height span

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
        scale = _scale(corners, places)
        while 0 < len(corners) < _FINE:
            corners, places = _divided(corners), _divided(places)
        shown = _overlap(corners, Bounds(0, 0, *size))
        return cls(corners[shown], places[shown], scale)

    @property
    def shown(self) -> Bounds:
        """Return which part of the clip is shown, rounded up to whole triangles; WHOLE if there are no triangles."""
        if not len(self.places):
            return WHOLE
        return Bounds(*self.places.min(axis=(0, 1)).tolist(), *self.places.max(axis=(0, 1)).tolist())

    def over(self, bounds: Bounds) -> tuple[np.ndarray, np.ndarray]:
        """Return the points (N, 2) and places (N, 2) of the triangles that overlap a part of the clip."""
        chosen = _overlap(self.places, bounds)
        return self.points[chosen].reshape(-1, 2), self.places[chosen].reshape(-1, 2)


def _overlap(triangles: np.ndarray, bounds: Bounds) -> np.ndarray:
    low, high = triangles.min(axis=1), triangles.max(axis=1)
    first = (bounds.left, bounds.top)
    last = (bounds.right, bounds.bottom)
    return ((high >= first) & (low <= last)).all(axis=1)


def _divided(triangles: np.ndarray) -> np.ndarray:
    """Divide each of the triangles (T, 3, 2) into four at the middles of its sides."""
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
    parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return np.concatenate([np.stack(part, axis=1) for part in parts])


def _scale(points: np.ndarray, places: np.ndarray) -> tuple[float, float]:
    """Return the length on the screen of the clip's width and height, on average over the triangles.

    Each triangle is an affine map from the clip to the screen; the lengths of its two columns are what is asked for.
    """
    if not len(points):
        return 1.0, 1.0
    sides = places[:, 1:] - places[:, :1]
    shown = points[:, 1:] - points[:, :1]
    area = sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0]
    good = np.abs(area) > 1e-12
    if not good.any():
        return 1.0, 1.0
    maps = np.linalg.solve(sides[good].astype(np.float64), shown[good].astype(np.float64))  # rows: across, down
    lengths = np.linalg.norm(maps, axis=-1)
    across, down = np.median(lengths, axis=0)
    return float(across), float(down)
