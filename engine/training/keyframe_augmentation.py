"""Augmentation of keyframes, as if they were from long before the clip: pose, light, occlusion, label errors."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from ..adaptation.augmentation import AugmentationRange, Augmenter
from .mask_corruption import MaskCorruptor
from .random_sampler import RandomSampler

_RANGE = AugmentationRange(
    shift=0.2, rotation=0.7, zoom=0.6, elastic=0.08, object_shift=0.15, photometric=0.4, flip_probability=0.4
)
_MAX_TRIES = 8
_OCCLUDER_SIZE = (0.2, 0.7)  # relative to the object's size


class KeyframeAugmenter(RandomSampler):
    """Augments a keyframe to look as if it were from long before or after the rest of the clip."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def augment(self, image: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return randomly changed versions of an image (H, W, 3) and its labels (H, W), both uint8."""
        if self.chance(0.6):
            image = self._shaded(image, labels)
        if self.chance(0.8):
            image, labels = self._moved(image, labels)
        if self.chance(0.35):
            image, labels = self._occluded(image, labels)
        if self.chance(0.35):
            labels = self._with_label_errors(labels)
        return image, labels

    def _moved(self, image: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Move, deform and relight an image with its labels; objects also move relative to the background."""
        picture = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255
        augmenter = Augmenter(int(self.rng.integers(2**31)))
        picture, masks = augmenter.copy(picture, torch.from_numpy(_to_masks(labels)), _RANGE)
        return (picture[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy(), _to_labels(masks.numpy())

    def _shaded(self, image: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Change the colours of each object by a random gain and a random brightness offset of its own."""
        changed = image.astype(np.float32)
        for number in np.unique(labels[labels > 0]):
            gain, lift = np.exp(self.rng.normal(0, 0.35, 3)), self.rng.normal(0, 20)
            changed[labels == number] = changed[labels == number] * gain + lift
        return np.clip(changed, 0, 255).astype(np.uint8)

    def _with_label_errors(self, labels: np.ndarray) -> np.ndarray:
        """Label some parts of objects as background, and some background near objects as object."""
        return _to_labels(MaskCorruptor(self.rng).tear(_to_masks(labels)))

    def _occluded(self, image: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Cover an ellipse around a random pixel of an object with background from elsewhere in the image.

        Returns the inputs unchanged if there is no object, or if no ellipse of pure background was found.
        """
        rows, columns = np.nonzero(labels)
        if not len(rows):
            return image, labels
        at = self.rng.integers(len(rows))
        extent = float((labels == labels[rows[at], columns[at]]).sum()) ** 0.5
        axes = [max(1, round(self.between(*_OCCLUDER_SIZE) * extent / 2)) for _ in range(2)]
        cover = np.zeros(labels.shape, np.uint8)
        middle = int(columns[at]), int(rows[at])
        cv2.ellipse(cover, middle, axes, self.between(0, 180), 0, 360, (1,), thickness=-1)
        for _ in range(_MAX_TRIES):  # until the occluder shows no part of an object
            shift = tuple(self.rng.integers(0, labels.shape))
            if not np.roll(labels, shift, (0, 1))[cover > 0].any():
                covered = np.where(cover[..., None] > 0, np.roll(image, shift, (0, 1)), image)
                return covered, np.where(cover > 0, 0, labels).astype(np.uint8)
        return image, labels


def _to_masks(labels: np.ndarray) -> np.ndarray:
    """Convert labels (H, W) to masks (O, H, W) float32; labels without objects give one empty mask."""
    return np.stack([labels == number for number in range(1, max(int(labels.max(initial=0)), 1) + 1)]).astype(
        np.float32
    )


def _to_labels(masks: np.ndarray) -> np.ndarray:
    """Convert masks (O, H, W) to labels (H, W) uint8: the object of the highest mask if that exceeds 0.5, else 0."""
    return np.concatenate([np.full_like(masks[:1], 0.5), masks]).argmax(0).astype(np.uint8)
