"""Soft masks: the alpha that users give keyframes, the stacking of those of a frame, and where it is soft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..shared.alphas import FULL, INSIDE

_NEAR = 2.0  # pixels: up to this distance from a soft pixel, hard ones are the user's too, as in anti-aliased edges
_FAR = 8.0  # pixels: from here on the user's edge counts as hard


@dataclass(frozen=True)
class SoftPixels:
    """The soft pixels of an object's keyframe. The others are hard, so that its labels say what they are."""

    places: NDArray[np.int64]  # (N,) indices into the flattened frame, ascending
    values: NDArray[np.uint8]  # (N,) alpha, 1..254; from INSIDE on in the object's shape

    @classmethod
    def of(cls, alpha: NDArray[np.uint8]) -> SoftPixels:
        """Return the soft pixels of an alpha (H, W)."""
        flat = alpha.ravel()
        places = np.flatnonzero((flat > 0) & (flat < FULL))
        return cls(places, flat[places])

    def alpha(self, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return the alpha (H, W) 0..1 of the keyframe whose shape is `mask` (H, W)."""
        alpha = mask.astype(np.float32)
        alpha.flat[self.places] = self.values / np.float32(FULL)
        return alpha

    def weight(self, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return where the user's edge counts for the keyframe whose shape is `mask`, (H, W) 0..1.

        It counts at soft pixels, and along the outline as far as they are close to it; hard ones beside such an outline
        are the user's too.
        """
        hard = np.ones(mask.shape, np.uint8)
        hard.flat[self.places] = 0
        distance = cv2.distanceTransform(hard, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        near = np.clip((_FAR - distance) / (_FAR - _NEAR), 0, 1)
        outline = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
        if outline.any():
            _, nearest = cv2.distanceTransformWithLabels(
                1 - outline, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
            )
            of_outline = np.zeros(int(nearest.max()) + 1, np.float32)
            of_outline[nearest[outline > 0]] = near[outline > 0]
            near = of_outline[nearest]
        return np.where(hard > 0, near, 1).astype(np.float32)


SoftMasks = Mapping[int, SoftPixels]  # by object, without objects that have no soft pixels
SoftKeyframes = Mapping[int, SoftMasks]  # by media frame, without frames that have no soft masks


def stack(layers: Sequence[tuple[int, NDArray[np.uint8]]]) -> tuple[NDArray[np.uint8], dict[int, SoftPixels]]:
    """Lay the masks (object, alpha (H, W)) of a frame over each other, the last on top.

    Returns the labels (H, W), and the soft pixels by object.
    A pixel belongs to the uppermost object with an alpha of at least one half, and it keeps that. Objects above it,
    which are soft there, take less than one half together, and those below what is left. Where no object has one half,
    the background keeps the largest share. Of two objects that want the same, the upper one gets it.
    """
    alphas: dict[int, NDArray[np.int16]] = {}
    for number, alpha in layers:  # of two masks of one object, the later says where it is in the stack
        alphas[number] = np.maximum(alpha.astype(np.int16), alphas.pop(number, np.int16(0)))
    owner = np.zeros(layers[0][1].shape, np.uint8)
    for number, values in alphas.items():
        owner[values >= INSIDE] = number
    taken, highest, found = np.zeros(owner.shape, np.int16), np.zeros(owner.shape, np.int16), {}
    above = owner > 0  # pixels whose owner is below the objects so far
    for number, values in reversed(alphas.items()):
        above &= owner != number
        free = np.where(above, INSIDE - 1, FULL) - taken
        lead = np.minimum((FULL - 1 - taken) // 2, FULL - 1 - taken - highest)  # so that the background has more
        share = np.minimum(values, np.where(owner > 0, free, lead))
        taken += share
        highest = np.maximum(highest, share)
        soft = SoftPixels.of(share.astype(np.uint8))
        if len(soft.places):
            found[number] = soft
    return owner, found
