"""A made-up clip to measure on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np


@dataclass(frozen=True)
class Film:
    """A made-up clip: checked discs that circle over a mottled ground."""

    height: int
    width: int
    objects: int
    size: float  # of a disc, across, as a share of the height

    def labels(self, frame: int) -> np.ndarray:
        """(H, W) uint8, objects from 1."""
        labels = np.zeros((self.height, self.width), np.uint8)
        for index, (x, y, radius) in enumerate(self._places(frame)):
            cv2.circle(labels, (x, y), radius, index + 1, -1)
        return labels

    def picture(self, frame: int) -> np.ndarray:
        """(H, W, 3) uint8; the same for the same frame."""
        picture = _ground(self.height, self.width).copy()
        for index, (x, y, radius) in enumerate(self._places(frame)):
            cv2.circle(picture, (x, y), radius, (250, 40 + 37 * index % 200, 30), -1)
            cv2.circle(picture, (x - radius // 3, y), radius // 3, (20, 60, 40 + 53 * index % 200), -1)
        return picture

    def _places(self, frame: int) -> Iterator[tuple[int, int, int]]:
        """Centre x, y and radius of each object, in pixels."""
        for index in range(self.objects):
            phase = frame / 40 + index * 2 * np.pi / self.objects
            x, y = self.width * (0.5 + 0.33 * np.cos(phase)), self.height * (0.5 + 0.3 * np.sin(1.3 * phase))
            yield round(x), round(y), round(self.height * self.size / 2)


@lru_cache
def _ground(height: int, width: int) -> np.ndarray:
    noise = np.random.default_rng(7).integers(60, 200, (height // 16, width // 16, 3), np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
