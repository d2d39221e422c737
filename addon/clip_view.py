"""How a clip editor shows a clip: conversion between points of its region and pixels of the clip's file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from bpy.types import Region, SpaceClipEditor

from . import clips, meshes, tracks
from .lens import Lens

_PROXIES = {"PROXY_25": 0.25, "PROXY_50": 0.5, "PROXY_75": 0.75}  # their sizes as multiples of the clip's
_TOLERANCE = 0.25  # of a screen or clip pixel, whichever is larger, by which a mesh may be off


@dataclass(frozen=True)
class ClipView:
    """Place of a clip's pixels in an editor's region.

    Points of the region are in screen pixels, y up. Pixels of the clip are those of its file, whatever proxy is shown:
    x right, y down, and pixel (0, 0) spans 0..1. They are where the editor shows them: Blender moves the middles of
    pixels when it undistorts and stabilises a picture, but takes them for their lower left corners.
    """

    width: int  # of the clip, pixels
    height: int
    left: float  # of the shown picture in the region
    bottom: float
    right: float
    top: float
    lens: Lens | None = None  # by which the shown picture is undistorted
    shown: tuple[int, int] = (0, 0)  # size of the stabilised picture, pixels: the clip's or a proxy's
    stable: tuple[float, ...] = ()  # the matrix (2, 3) that stabilises its pixels, row by row; or nothing

    @classmethod
    def of(cls, space: SpaceClipEditor, region: Region) -> ClipView:
        """Return the view of the editor's clip on the frame that the editor shows.

        Loads nothing, so that it can be called while Blender draws. Raises ClipUnreadable if the clip's size is
        unknown.
        """
        clip, view = space.clip, region.view2d
        width, height = clips.known_size(clip)
        # Blender draws from a whole screen pixel on, but does not round the size.
        left, bottom = view.view_to_region(0.0, 0.0, clip=False)
        x, y = view.region_to_view(0.0, 0.0)
        far_x, far_y = view.region_to_view(region.width, region.height)
        right, top = left + region.width / (far_x - x), bottom + region.height / (far_y - y)
        lens = Lens.of(clip, width, height) if space.clip_user.use_render_undistorted else None
        if not (space.show_stable and clip.tracking.stabilization.use_2d_stabilization):
            return cls(width, height, left, bottom, right, top, lens)
        proxy = _PROXIES.get(space.clip_user.proxy_render_size, 1.0) if clip.use_proxy else 1.0
        shown = int(width * proxy), int(height * proxy)
        matrix = tracks.stabilization(clip, space.clip_user.frame_current, *shown)
        return cls(width, height, left, bottom, right, top, lens, shown, tuple(matrix.ravel().tolist()))

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        """Convert points of the region (..., 2) to pixels of the clip."""
        x = (points[..., 0] - self.left) / (self.right - self.left)
        y = (points[..., 1] - self.bottom) / (self.top - self.bottom)
        places = np.stack([x, y], axis=-1)
        if self.stable:
            matrix = np.reshape(self.stable, (2, 3))
            places = (places * self.shown - 0.5 - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
            places = (places + 0.5) / self.shown
        if self.lens:
            size = self.width, self.height
            places = (self.lens.distort(places * size - 0.5) + 0.5) / size
        return np.stack([places[..., 0] * self.width, (1 - places[..., 1]) * self.height], axis=-1)

    def to_region(self, pixels: np.ndarray) -> np.ndarray:
        """Convert pixels of the clip (..., 2) to points of the region."""
        places = np.stack([pixels[..., 0] / self.width, 1 - pixels[..., 1] / self.height], axis=-1)
        if self.lens:
            size = self.width, self.height
            places = (self.lens.undistort(places * size - 0.5) + 0.5) / size
        if self.stable:
            matrix = np.reshape(self.stable, (2, 3))
            places = (places * self.shown - 0.5) @ matrix[:, :2].T + matrix[:, 2]
            places = (places + 0.5) / self.shown
        x = self.left + places[..., 0] * (self.right - self.left)
        y = self.bottom + places[..., 1] * (self.top - self.bottom)
        return np.stack([x, y], axis=-1)

    def mesh(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return triangles that show the clip's pixels where the editor shows them.

        Returns points of the region (N, 2), their texture coordinates (N, 2), 0..1 with y up, and the triangles' points
        (T, 3). They cover what the editor shows of the clip, and nothing of what it shows around it.
        """
        return _mesh(self)

    def to_texture(self, points: np.ndarray) -> np.ndarray:
        """Convert points of the region (..., 2) to texture coordinates, 0..1 in the clip with y up."""
        pixels = self.to_pixels(points)
        return np.stack([pixels[..., 0] / self.width, 1 - pixels[..., 1] / self.height], axis=-1)


@lru_cache(maxsize=4)
def _mesh(view: ClipView) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    screen = (view.right - view.left) / view.width, (view.top - view.bottom) / view.height  # points per pixel
    tolerance = _TOLERANCE * max(1.0, 1 / min(screen)) / max(view.width, view.height)
    box = view.left, view.bottom, view.right, view.top
    return meshes.clipped(*meshes.grid(view.to_texture, box, tolerance))
