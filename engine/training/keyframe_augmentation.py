"""A keyframe as it looks long before or after: from elsewhere, in another light, partly hidden."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from ..adaptation.augmentation import AugmentationRange, Augmenter
from .mask_corruption import MaskCorruptor
from .random_sampler import RandomSampler

_REACH = AugmentationRange(shift=0.2, turn=0.7, zoom=0.6, bend=0.08, apart=0.15, light=0.4, mirrored=0.4)
_TRIES = 8
_HIDDEN = (0.2, 0.7)  # of the object's size: how much of it is hidden


class KeyframeAugmenter(RandomSampler):
    """Augments a keyframe as if it were long before or after the clip."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def augment(self, image: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Image (H, W, 3), labels (H, W), both uint8 -> the same, changed."""
        if self.chance(0.6):
            image = self._shaded(image, labels)
        if self.chance(0.8):
            image, labels = self._moved(image, labels)
        if self.chance(0.35):
            image, labels = self._hidden(image, labels)
        if self.chance(0.35):
            labels = self._misled(labels)
        return image, labels

    def _moved(self, image: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        picture = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255
        augmenter = Augmenter(int(self.rng.integers(2**31)))
        picture, masks = augmenter.copy(picture, torch.from_numpy(_apart(labels)), _REACH)
        return (picture[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy(), _joined(masks.numpy())

    def _shaded(self, image: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Objects in a light of their own."""
        changed = image.astype(np.float32)
        for number in np.unique(labels[labels > 0]):
            gain, lift = np.exp(self.rng.normal(0, 0.35, 3)), self.rng.normal(0, 20)
            changed[labels == number] = changed[labels == number] * gain + lift
        return np.clip(changed, 0, 255).astype(np.uint8)

    def _misled(self, labels: np.ndarray) -> np.ndarray:
        """As if parts of objects looked like what was ground then, and the other way round."""
        return _joined(MaskCorruptor(self.rng).tear(_apart(labels)))

    def _hidden(self, image: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Behind a part of the same picture from elsewhere, an ellipse on an object's outline or within it."""
        rows, columns = np.nonzero(labels)
        if not len(rows):
            return image, labels
        at = self.rng.integers(len(rows))
        extent = float((labels == labels[rows[at], columns[at]]).sum()) ** 0.5
        axes = tuple(max(1, round(self.between(*_HIDDEN) * extent / 2)) for _ in range(2))
        cover = np.zeros(labels.shape, np.uint8)
        middle = int(columns[at]), int(rows[at])
        cv2.ellipse(cover, middle, axes, self.between(0, 180), 0, 360, 1, thickness=-1)
        for _ in range(_TRIES):  # an object's own looks are no cover
            by = tuple(self.rng.integers(0, labels.shape))
            if not np.roll(labels, by, (0, 1))[cover > 0].any():
                covered = np.where(cover[..., None] > 0, np.roll(image, by, (0, 1)), image)
                return covered, np.where(cover > 0, 0, labels).astype(np.uint8)
        return image, labels


def _apart(labels: np.ndarray) -> np.ndarray:
    """(H, W) labels -> (O, H, W) float32 masks, at least one."""
    return np.stack([labels == number for number in range(1, max(int(labels.max(initial=0)), 1) + 1)]).astype(
        np.float32
    )


def _joined(masks: np.ndarray) -> np.ndarray:
    """(O, H, W) masks -> (H, W) uint8 labels: the likeliest where any is likely."""
    return np.concatenate([np.full_like(masks[:1], 0.5), masks]).argmax(0).astype(np.uint8)
