"""How a clip editor shows a clip: conversion between points of its region and pixels of the clip's file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from bpy.types import Region, SpaceClipEditor

from . import clips


@dataclass(frozen=True)
class ClipView:
    """Place of a clip's pixels in an editor's region.

    Points of the region are in screen pixels, y up. Pixels of the clip are those of its file, whatever proxy is shown:
    x right, y down, and pixel (0, 0) spans 0..1.
    """

    width: int  # of the clip, pixels
    height: int
    left: float  # of the shown clip in the region
    bottom: float
    right: float
    top: float

    @classmethod
    def of(cls, space: SpaceClipEditor, region: Region) -> ClipView:
        """Return the view of the editor's clip on the frame that the editor shows. Raises ClipUnreadable."""
        left, bottom = region.view2d.view_to_region(0.0, 0.0, clip=False)
        right, top = region.view2d.view_to_region(1.0, 1.0, clip=False)
        return cls(*clips.pixel_size(space.clip), left, bottom, right, top)

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        """Convert points of the region (..., 2) to pixels of the clip."""
        x = (points[..., 0] - self.left) / (self.right - self.left)
        y = (points[..., 1] - self.bottom) / (self.top - self.bottom)
        return np.stack([x * self.width, (1 - y) * self.height], axis=-1)

    def to_region(self, pixels: np.ndarray) -> np.ndarray:
        """Convert pixels of the clip (..., 2) to points of the region."""
        x, y = pixels[..., 0] / self.width, 1 - pixels[..., 1] / self.height
        return np.stack([self.left + x * (self.right - self.left), self.bottom + y * (self.top - self.bottom)], axis=-1)

    def mesh(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return triangles that show the clip's pixels where the editor shows them.

        Returns points of the region (N, 2), their texture coordinates (N, 2), 0..1 with y up, and the triangles' points
        (T, 3).
        """
        corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32)
        pixels = np.stack([corners[:, 0] * self.width, (1 - corners[:, 1]) * self.height], axis=-1)
        return self.to_region(pixels).astype(np.float32), corners, np.array([(0, 1, 2), (0, 2, 3)])
