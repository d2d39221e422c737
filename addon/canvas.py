"""The canvas: the alpha of one object on one frame while the user paints it, which the overlay draws as it changes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Rectangle:
    """Rectangle of pixels: columns `left` to `right` - 1, rows `top` to `bottom` - 1."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Return the rows and columns, to index an array (H, W)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


@dataclass
class Canvas:
    """Alpha of an object on a frame, and which parts of it the overlay has not drawn yet."""

    clip_uid: int  # `session_uid` of the clip: a reference to the clip would not survive an undo
    object_id: int
    number: int  # file number of the frame
    alpha: np.ndarray  # (H, W) uint8, first row at the top
    changed: list[Rectangle] = field(default_factory=list)  # since the overlay last drew it


# The canvas of the stroke being made. Between strokes None, or one that could not be stored (see `unstored`).
current: Canvas | None = None
outline: list[tuple[float, float]] | None = None  # of the lasso being drawn, in pixels of the clip
radius_from: tuple[float, float] | None = None  # centre of the circle whose radius is being set, in pixels of the clip
