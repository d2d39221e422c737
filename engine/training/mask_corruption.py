"""Corruption of masks with errors like those of long propagation, to train on imperfect previous masks."""

from __future__ import annotations

import cv2
import numpy as np

from .random_sampler import RandomSampler

# Relative to the object's size, which is the side of a square of equal area:
_TEAR_REACH = 0.25  # standard deviation of the region around the object in which its mask is torn
_LAG = 0.08  # shift of a mask that lags behind
_JUMP = 1.2  # shift of a mask that has drifted to something else


class MaskCorruptor(RandomSampler):
    """Corrupts masks with random errors like those that build up when masks are propagated for long."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def corrupt(self, masks: np.ndarray) -> np.ndarray:
        """Corrupt masks (O, H, W) float32 0..1: some are emptied, shifted, torn or swapped with another mask."""
        corrupted = np.stack([self._corrupt_one(mask) for mask in masks])
        if len(corrupted) > 1 and self.chance(0.15):
            first, second = self.rng.choice(len(corrupted), 2, replace=False)
            corrupted[[first, second]] = corrupted[[second, first]]
        return corrupted / np.maximum(corrupted.sum(0, keepdims=True), 1)

    def tear(self, masks: np.ndarray) -> np.ndarray:
        """Cut random blobs out of each mask (O, H, W) float32 0..1, and add random blobs near its object."""
        torn = np.stack([self._torn(mask, _side(mask)) for mask in masks])
        return torn / np.maximum(torn.sum(0, keepdims=True), 1)

    def _corrupt_one(self, mask: np.ndarray) -> np.ndarray:
        """Corrupt the mask (H, W) of one object, or return it unchanged with probability 1/4."""
        if self.chance(0.25):
            return mask
        if self.chance(0.3):  # lost: the network must find it again from memory
            return np.zeros_like(mask)
        side = _side(mask)
        if self.chance(0.15):
            mask = self._shifted(mask, _JUMP * side)
        elif self.chance(0.5):
            mask = self._shifted(mask, _LAG * side)
        if self.chance(0.7):
            mask = self._torn(mask, side)
        return mask

    def _shifted(self, mask: np.ndarray, distance: float) -> np.ndarray:
        """Shift a mask by about `distance` pixels, and rotate and scale it slightly."""
        high, wide = mask.shape
        matrix = np.asarray(
            cv2.getRotationMatrix2D((wide / 2, high / 2), self.between(-4, 4), self.ratio(0.92, 1.09)), np.float64
        )
        matrix[:, 2] += self.rng.normal(0, distance, 2)
        return cv2.warpAffine(mask, matrix, (wide, high), flags=cv2.INTER_LINEAR)

    def _torn(self, mask: np.ndarray, side: float) -> np.ndarray:
        """Invert a mask in random blobs near its object; `side` is the size of the object in pixels."""
        high, wide = mask.shape
        grain = self.ratio(0.08, 0.5) * side  # pixels
        cells = max(2, round(high / grain)), max(2, round(wide / grain))
        coarse = self.rng.normal(size=cells).astype(np.float32)
        noise = cv2.resize(coarse, (wide, high), interpolation=cv2.INTER_CUBIC)
        near = cv2.GaussianBlur(mask, (0, 0), _TEAR_REACH * side)
        if self.chance(0.5):  # errors on one side of the object only
            near = near * (np.tensordot(self.rng.normal(size=2), _directions(mask), 1) > 0)
        wrong = (noise > self.between(0.5, 1.3)) & (near > 0.05)
        return np.where(wrong, 1 - mask, mask)


def _side(mask: np.ndarray) -> float:
    """Return the side in pixels of a square with the same area as the mask, but at least 8."""
    return max(8.0, float(mask.sum()) ** 0.5)


def _directions(mask: np.ndarray) -> np.ndarray:
    """Return how far each pixel is below and to the right of the centre of a mask (H, W), in pixels: (2, H, W)."""
    rows, columns = np.indices(mask.shape, np.float32)
    total = max(float(mask.sum()), 1.0)
    return np.stack([rows - (rows * mask).sum() / total, columns - (columns * mask).sum() / total])
