"""Conversion of pixels to mask space: a unit square on the displayed frame's longer side, centred on it, y up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from bpy.types import MovieClip

from . import clips

_MAX_ENLARGEMENT = 4.0  # of a canvas over the clip's longer side, if pixels are displayed very wide or very tall


def of_clip(clip: MovieClip) -> MaskSpace:
    """Return the mask space of a clip. Raises ClipUnreadable."""
    return MaskSpace(*clips.pixel_size(clip), clips.pixel_aspect(clip))


@dataclass(frozen=True)
class MaskSpace:
    """Mask space of a clip, as the clip editor draws masks over it.

    aspect   how tall the clip's pixels are displayed, as a multiple of their width
    """

    width: int
    height: int
    aspect: float = 1.0

    @property
    def side(self) -> float:
        """Return the side of mask space's unit square, in pixel widths."""
        return max(self.width, self.height * self.aspect)

    def from_pixels(self, points: np.ndarray) -> np.ndarray:
        """Convert pixel coordinates (..., 2) to mask space. x points right, y down, and pixel (0, 0) spans 0..1."""
        x = (points[..., 0] - self.width / 2) / self.side + 0.5
        y = (self.height / 2 - points[..., 1]) * self.aspect / self.side + 0.5
        return np.stack([x, y], axis=-1)

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        """Convert points (..., 2) of mask space to pixel coordinates, as `from_pixels` takes them."""
        x = (points[..., 0] - 0.5) * self.side + self.width / 2
        y = self.height / 2 - (points[..., 1] - 0.5) * self.side / self.aspect
        return np.stack([x, y], axis=-1)

    def canvas(self, *, stretch: float = 1.0, limit: int) -> MaskCanvas | None:
        """Return the canvas on which Blender draws the mask so that, once scaled, it lies on the clip's pixels.

        Blender draws mask space's unit square as wide as the canvas's longer side, whatever the clip's aspect, and its
        height divided by `stretch`. No side of the canvas is longer than `limit`. Returns None if no canvas shows the
        whole frame, which happens only if `stretch` is not 1.
        """
        across, up = self.width / self.side, self.height * self.aspect / self.side
        up = max(up, up / stretch)  # Blender cuts the mask off at the canvas as it is before it is flattened
        if max(across, up) > 1 + 1e-6:
            return None
        wanted = self.side * max(1.0, stretch / self.aspect)  # no coarser than the clip's pixels
        side = round(min(wanted, limit, _MAX_ENLARGEMENT * max(self.width, self.height)))
        scale = self.side / side
        width, height = (max(1, round(side * part)) for part in (across, up))
        if across < up:  # the longer side sets the scale, and may not be rounded
            height = side
        else:
            width = side
        return MaskCanvas(width, height, scale, scale * stretch / self.aspect)


@dataclass(frozen=True)
class MaskCanvas:
    """Size of a drawing of a mask in pixels, and the factors that scale it to the clip's pixels."""

    width: int
    height: int
    scale_x: float
    scale_y: float

    @property
    def is_scaled(self) -> bool:
        """Return whether the canvas differs from the clip's pixels."""
        return (self.scale_x, self.scale_y) != (1.0, 1.0)

    def sampled(self, drawing: np.ndarray, width: int, height: int) -> np.ndarray:
        """Return a drawing on this canvas (H, W) at the clip's size (height, width), interpolated linearly."""
        rows = _positions(height, self.scale_y, self.height)
        columns = _positions(width, self.scale_x, self.width)
        return _interpolated(_interpolated(drawing, rows).T, columns).T


def _positions(count: int, scale: float, size: int) -> np.ndarray:
    """Return the positions of the centres of `count` pixels among the pixel centres of a canvas's side."""
    return (np.arange(count) + 0.5 - count / 2) / scale + size / 2 - 0.5


def _interpolated(values: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Return rows of `values` (N, M) at fractional positions, interpolated linearly."""
    positions = positions.clip(0, len(values) - 1)
    low = np.floor(positions).astype(int)
    high = np.minimum(low + 1, len(values) - 1)
    part = (positions - low)[:, None]
    return values[low] * (1 - part) + values[high] * part
