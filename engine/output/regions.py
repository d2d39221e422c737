"""Regions of the picture that outlines enclose, and how much alike two of them are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .raster import fill, signed_area

_MAX_DISJOINT_SIMILARITY = 0.01  # of nearby regions without overlap


@dataclass(frozen=True)
class Region:
    """An outline, with a raster of the pixels that it encloses (holes in it count as enclosed)."""

    ring: np.ndarray  # (N, 2) float32
    hole: bool
    left: int  # position of `pixels`
    top: int
    pixels: np.ndarray  # (h, w) bool
    area: int  # pixels enclosed

    @classmethod
    def of(cls, ring: np.ndarray) -> Region:
        """Fill an outline (N, 2), in pixels."""
        left, top = (int(edge) for edge in np.floor(ring.min(axis=0)))
        width, height = (int(edge) for edge in np.ceil(ring.max(axis=0)) - (left, top))
        pixels = fill([ring - (left, top)], width, height) > 0
        return cls(ring, signed_area(ring) < 0, left, top, pixels, int(np.count_nonzero(pixels)))

    def overlap(self, other: Region) -> int:
        """Return the number of pixels that both regions enclose."""
        left, top = max(self.left, other.left), max(self.top, other.top)
        mask_a, mask_b = (region.pixels[top - region.top :, left - region.left :] for region in (self, other))
        height, width = np.minimum(mask_a.shape, mask_b.shape)
        return int(np.count_nonzero(mask_a[:height, :width] & mask_b[:height, :width]))

    def contains(self, x: int, y: int) -> bool:
        """Return whether the region encloses the pixel at (x, y)."""
        row, column = y - self.top, x - self.left
        height, width = self.pixels.shape
        return 0 <= row < height and 0 <= column < width and bool(self.pixels[row, column])

    def similarity(self, other: Region) -> float:
        """Return the IoU of two regions, or a small score for disjoint regions of similar size.

        That score falls with the distance between their centres, to 0.
        """
        intersection = self.overlap(other)
        if intersection:
            return intersection / (self.area + other.area - intersection)
        centre_distance = np.linalg.norm(self.ring.mean(axis=0) - other.ring.mean(axis=0))
        max_distance = 2 * np.sqrt(max(self.area, other.area, 1))
        similar_size = 1 / 3 < (self.area + 1) / (other.area + 1) < 3
        if not similar_size or centre_distance >= max_distance:
            return 0.0
        return _MAX_DISJOINT_SIMILARITY * float(1 - centre_distance / max_distance)
