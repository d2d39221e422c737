"""Mattes of simple shapes, and what splines that are fitted to mattes look like."""

from __future__ import annotations

import numpy as np

from engine.evaluation.spline_raster import painted
from engine.shared.splines import SplineTrack
from engine.splines.vectorise import fit_splines

SIZE = 120, 160


def disc(x: float, y: float, radius: float, size: tuple[int, int] = SIZE, edge: float = 1.0) -> np.ndarray:
    down, across = np.mgrid[: size[0], : size[1]] + 0.5
    return np.clip((radius - np.hypot(across - x, down - y)) / edge + 0.5, 0, 1).astype(np.float32)


def splines(*mattes: np.ndarray) -> list[SplineTrack]:
    return fit_splines(enumerate(mattes))


def iou(tracks: list[SplineTrack], frame: int, matte: np.ndarray) -> float:
    made, true = painted(tracks, frame, matte.shape), matte > 0.5
    return np.count_nonzero(made & true) / max(np.count_nonzero(made | true), 1)


def points_on(track: SplineTrack, frame: int) -> np.ndarray:
    """Return the points (K,) of a track on a frame, as complex pixels."""
    shown = track.at(frame)
    assert shown is not None
    return shown[:, 1, 0] + 1j * shown[:, 1, 1]
