"""Hard cuts of a film, found by comparing small copies of consecutive frames."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_WIDTH, _HEIGHT = 32, 18  # of the small copies, in pixels
_BINS = 8  # of each colour channel's histogram
_MIN_CHANGE = 20.0  # mean absolute difference of the small copies, of 255
_MIN_RATIO = 3.0  # to the changes around it, which fast motion and flashes have too
_MAX_OVERLAP = 0.6  # of the histograms
_NEIGHBOURS = (-2, -1, 1, 2)


class CutFinder:
    """Collects small copies of frames in any order, and finds the cuts between consecutive ones."""

    def __init__(self) -> None:
        self._copies: dict[int, NDArray[np.uint8]] = {}  # media frame -> (18, 32, 3)

    def add(self, frame: int, pixels: NDArray[np.uint8]) -> None:
        """Add a media frame (H, W, 3) uint8 RGB."""
        if frame not in self._copies:
            copy = cv2.resize(pixels, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA)
            self._copies[frame] = np.asarray(copy, np.uint8)

    def cuts(self) -> list[int]:
        """Return the media frames with which another shot begins, ascending."""
        changes = {
            frame: float(np.abs(copy.astype(np.int16) - self._copies[frame - 1]).mean())
            for frame, copy in self._copies.items()
            if frame - 1 in self._copies
        }
        return sorted(frame for frame in changes if self._is_cut(frame, changes))

    def _is_cut(self, frame: int, changes: dict[int, float]) -> bool:
        around = max((changes.get(frame + step, 0.0) for step in _NEIGHBOURS), default=0.0)
        return (
            changes[frame] >= max(_MIN_CHANGE, _MIN_RATIO * around)
            and _overlap(self._copies[frame - 1], self._copies[frame]) <= _MAX_OVERLAP
        )


def _overlap(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Return the intersection of two pictures' colour histograms, 0..1: the least of the three channels."""
    shared = []
    for channel in range(3):
        counts = [np.bincount(copy[..., channel].ravel() // (256 // _BINS), minlength=_BINS) for copy in (a, b)]
        shared.append(np.minimum(*counts).sum() / counts[0].sum())
    return float(min(shared))
