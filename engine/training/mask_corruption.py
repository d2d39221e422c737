"""Corrupt masks as long propagation does: what a network may hold of the previous frame."""

from __future__ import annotations

import cv2
import numpy as np

from .random_sampler import RandomSampler

_REACH = 0.25  # of the object's size: how far around it errors lie
_STRAY = 0.08  # of the object's size: how far off a mask is that lags behind
_THROWN = 1.2  # the same of one that followed something else: the object is elsewhere, whole


class MaskCorruptor(RandomSampler):
    """Corrupts masks with the errors that long propagation brings."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def corrupt(self, masks: np.ndarray) -> np.ndarray:
        """Masks (O, H, W) float32 0..1 -> the same with errors: lost, shifted, leaking, torn or swapped objects."""
        corrupted = np.stack([self._corrupt_one(mask) for mask in masks])
        if len(corrupted) > 1 and self.chance(0.15):
            first, second = self.rng.choice(len(corrupted), 2, replace=False)
            corrupted[[first, second]] = corrupted[[second, first]]
        return corrupted / np.maximum(corrupted.sum(0, keepdims=True), 1)

    def tear(self, masks: np.ndarray) -> np.ndarray:
        """Masks (O, H, W) float32 0..1 -> the same with blobs taken from each object and added to it."""
        torn = np.stack([self._torn(mask, _side(mask)) for mask in masks])
        return torn / np.maximum(torn.sum(0, keepdims=True), 1)

    def _corrupt_one(self, mask: np.ndarray) -> np.ndarray:
        if self.chance(0.25):
            return mask
        if self.chance(0.3):  # lost: it must be found again by what memory holds
            return np.zeros_like(mask)
        side = _side(mask)
        if self.chance(0.15):
            mask = self._shifted(mask, _THROWN * side)
        elif self.chance(0.5):
            mask = self._shifted(mask, _STRAY * side)
        if self.chance(0.7):
            mask = self._torn(mask, side)
        return mask

    def _shifted(self, mask: np.ndarray, far: float) -> np.ndarray:
        """By about `far` pixels, a little turned and scaled."""
        high, wide = mask.shape
        moves = cv2.getRotationMatrix2D((wide / 2, high / 2), self.between(-4, 4), self.ratio(0.92, 1.09))
        moves[:, 2] += self.rng.normal(0, far, 2)
        return cv2.warpAffine(mask, moves, (wide, high), flags=cv2.INTER_LINEAR)

    def _torn(self, mask: np.ndarray, side: float) -> np.ndarray:
        """Blobs near the object taken from it and added to it."""
        high, wide = mask.shape
        grain = self.ratio(0.08, 0.5) * side  # pixels
        cells = max(2, round(high / grain)), max(2, round(wide / grain))
        noise = self.rng.normal(size=cells).astype(np.float32)
        noise = cv2.resize(noise, (wide, high), interpolation=cv2.INTER_CUBIC)
        near = cv2.GaussianBlur(mask, (0, 0), _REACH * side)
        if self.chance(0.5):  # what it leaks into lies to one side of it
            near = near * (np.tensordot(self.rng.normal(size=2), _directions(mask), 1) > 0)
        wrong = (noise > self.between(0.5, 1.3)) & (near > 0.05)
        return np.where(wrong, 1 - mask, mask)


def _side(mask: np.ndarray) -> float:
    """Of a square as large as the object, in pixels."""
    return max(8.0, float(mask.sum()) ** 0.5)


def _directions(mask: np.ndarray) -> np.ndarray:
    """Mask (H, W) -> (2, H, W) how far below and right of its middle each pixel lies."""
    rows, columns = np.indices(mask.shape, np.float32)
    total = max(float(mask.sum()), 1.0)
    return np.stack([rows - (rows * mask).sum() / total, columns - (columns * mask).sum() / total])
