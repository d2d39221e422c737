"""Synthetic clip of moving discs, for benchmarks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np


@dataclass(frozen=True)
class BenchClip:
    """Synthetic clip: moving discs of two colours over a background of blurred noise."""

    height: int
    width: int
    objects: int
    size: float  # diameter of a disc, as a fraction of the height

    def labels(self, frame: int) -> np.ndarray:
        """Return the true labels (H, W) uint8 of a frame; objects are numbered from 1."""
        labels = np.zeros((self.height, self.width), np.uint8)
        for index, (x, y, radius) in enumerate(self._discs(frame)):
            cv2.circle(labels, (x, y), radius, (index + 1,), -1)
        return labels

    def picture(self, frame: int) -> np.ndarray:
        """Return the picture (H, W, 3) uint8 of a frame; repeated calls give the same picture."""
        picture = _background(self.height, self.width).copy()
        for index, (x, y, radius) in enumerate(self._discs(frame)):
            cv2.circle(picture, (x, y), radius, (250, 40 + 37 * index % 200, 30), -1)
            cv2.circle(picture, (x - radius // 3, y), radius // 3, (20, 60, 40 + 53 * index % 200), -1)
        return picture

    def _discs(self, frame: int) -> Iterator[tuple[int, int, int]]:
        """Yield the centre x, y and the radius of each object, in pixels."""
        for index in range(self.objects):
            phase = frame / 40 + index * 2 * np.pi / self.objects
            x, y = self.width * (0.5 + 0.33 * np.cos(phase)), self.height * (0.5 + 0.3 * np.sin(1.3 * phase))
            yield round(x), round(y), round(self.height * self.size / 2)


@lru_cache
def _background(height: int, width: int) -> np.ndarray:
    """Return a picture (H, W, 3) uint8 of blurred noise."""
    noise = np.random.default_rng(7).integers(60, 200, (height // 16, width // 16, 3), np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
