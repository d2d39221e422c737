"""Which objects are small: those that a crop shows better than the whole frame, by the masks of their keyframes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..inference.crops import MIN_GAIN, Box, crop_side, extent_of, gain_of
from ..inference.keyframe_memory import Labels


def find_small(truth: Labels, scale: float) -> tuple[int, ...]:
    """Return the ids of objects that are so small on a keyframe that a crop shows them better than the whole frame.

    The whole frame is scaled by `scale`.
    """
    smallest: dict[int, float] = {}
    for labels in truth.values():
        for number, box in boxes_of(labels).items():
            smallest[number] = min(extent_of(box), smallest.get(number, np.inf))
    return tuple(sorted(number for number, extent in smallest.items() if is_small((0, 0, extent, extent), scale)))


def boxes_of(labels: NDArray[np.uint8]) -> dict[int, Box]:
    """Return the box of each object in labels (H, W)."""
    counts = cv2.calcHist([labels], [0], None, [256], [0, 256]).ravel()
    boxes: dict[int, Box] = {}
    for number in (int(one) for one in np.flatnonzero(counts) if one):
        left, top, width, height = cv2.boundingRect((labels == number).view(np.uint8))
        boxes[number] = left, top, left + width, top + height
    return boxes


def is_small(box: Box, scale: float) -> bool:
    """Return whether an object in a box is worth a crop, if the whole frame is scaled by `scale`."""
    return gain_of(crop_side(box), scale) >= MIN_GAIN
