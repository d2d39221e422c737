"""Crops: the square parts of frames that are shown to the network around small objects, and how mattes go back."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

CANVAS = 384  # pixels: side of a crop as the network sees it, a multiple of every network's stride
MIN_GAIN = 1.5  # from this many times the whole frame's pixels per side on, a crop is worth it
_NO_GAIN = 1.15  # up to here the whole frame's mattes are as good
_PADDED = 2.5  # sides of a crop per side of its object
_SMALLEST = 3.0  # how far pixels are enlarged at most
_ENLARGED = 144.0  # pixels across that small objects are enlarged to
_FEATHER = 12  # pixels of the canvas along a crop's border, in which its mattes fade into those of the whole frame

Box = tuple[float, float, float, float]  # left, top, right, bottom, in pixels of the clip


@dataclass(frozen=True)
class Crop:
    """Square part of a frame, on whole pixels within the picture."""

    left: int
    top: int
    side: int

    @classmethod
    def around(cls, x: float, y: float, side: float, picture: tuple[int, int]) -> Crop:
        """Return the crop around a point that is nearest to this side and lies within the picture (H, W)."""
        height, width = picture
        whole = max(1, min(round(side), height, width))
        left, top = (min(max(round(centre - whole / 2), 0), most - whole) for centre, most in ((x, width), (y, height)))
        return cls(left, top, whole)

    @property
    def part(self) -> tuple[slice, slice]:
        """Return the rows and columns of a frame that the crop shows."""
        return slice(self.top, self.top + self.side), slice(self.left, self.left + self.side)

    def shown(self, values: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return what the crop shows of a frame (H, W, ...), as the network sees it: (CANVAS, CANVAS, ...)."""
        cut = np.ascontiguousarray(values[self.part])
        if self.side == CANVAS:
            return cut
        style = cv2.INTER_AREA if self.side > CANVAS else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(cut, (CANVAS, CANVAS), interpolation=style), np.uint8)

    def restored(self, planes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return planes (N, CANVAS, CANVAS) in pixels of the clip, (N, side, side)."""
        if self.side == CANVAS or not len(planes):
            return planes if self.side == CANVAS else np.zeros((0, self.side, self.side), np.float32)
        size = self.side, self.side
        return np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in planes])

    def weight(self, picture: tuple[int, int]) -> NDArray[np.float32]:
        """Return how much the crop counts for each of its pixels, (side, side) 0..1: less along its border.

        Where the border is that of the picture (H, W), it counts fully.
        """
        reach = max(1.0, _FEATHER * self.side / CANVAS)
        place = np.arange(self.side, dtype=np.float32) + 0.5
        low, high = np.minimum(place / reach, 1), np.minimum((self.side - place) / reach, 1)
        one = np.ones(self.side, np.float32)
        rows = (low if self.top else one) * (high if self.top + self.side < picture[0] else one)
        columns = (low if self.left else one) * (high if self.left + self.side < picture[1] else one)
        return rows[:, None] * columns[None]

    def cuts(self, box: Box, picture: tuple[int, int]) -> bool:
        """Return whether a box reaches the crop's border, unless that is the picture's."""
        reach = _FEATHER * self.side / CANVAS
        left, top, right, bottom = box
        return bool(
            (self.left > 0 and left < self.left + reach)
            or (self.top > 0 and top < self.top + reach)
            or (self.left + self.side < picture[1] and right > self.left + self.side - reach)
            or (self.top + self.side < picture[0] and bottom > self.top + self.side - reach)
        )


def crop_side(box: Box) -> float:
    """Return the side of the crop for an object in a box, in pixels of the clip: no larger than detail asks for."""
    extent = extent_of(box)
    closer = CANVAS * min(1.0, extent / _ENLARGED)
    return max(_PADDED * extent, closer, CANVAS / _SMALLEST)


def gain_of(side: float, scale: float) -> float:
    """Return how many times as many pixels per side a crop shows as the whole frame, which is scaled by `scale`.

    Pixels that are enlarged show nothing more.
    """
    return min(1.0, CANVAS / side) / scale


def worth_of(side: float, scale: float) -> float:
    """Return how far a crop counts for what it gains, 0..1."""
    return min(max((gain_of(side, scale) - _NO_GAIN) / (MIN_GAIN - _NO_GAIN), 0.0), 1.0)


def extent_of(box: Box) -> float:
    """Return the longer side of a box."""
    return max(box[2] - box[0], box[3] - box[1])


def centre_of(box: Box) -> tuple[float, float]:
    """Return the centre (x, y) of a box."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def joined(one: Box, other: Box) -> Box:
    """Return the smallest box around two boxes."""
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def box_of(mask: NDArray[np.bool_], left: int = 0, top: int = 0) -> Box | None:
    """Return the box of a mask (H, W) whose upper left corner is at a place in the clip; None if it is empty."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return None
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    return (
        float(left + columns[0]),
        float(top + rows[0]),
        float(left + columns[-1] + 1),
        float(top + rows[-1] + 1),
    )
