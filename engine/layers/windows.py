"""Window: crop of a map around the cells where an object is likely."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

_SIDE_MULTIPLE = 4  # of window sides, in cells: few sizes, since convolutions are set up again for every new one


@dataclass(frozen=True)
class Window:
    """Rectangle of cells: half-open ranges of rows and columns."""

    top: int
    bottom: int
    left: int
    right: int

    @classmethod
    def around(cls, cells: Tensor, *, margin: int) -> Window | None:
        """Return a window that contains all true cells of (h, w) bool and at least `margin` cells on each side of them.

        The window ends at the border of the map. Returns None if no cell is true.
        """
        sides: list[int] = []
        for axis in (0, 1):
            indices = cells.any(1 - axis).nonzero()
            if not len(indices):
                return None
            first, last, length = int(indices[0]) - margin, int(indices[-1]) + margin, cells.shape[axis]
            size = min(-(-(last + 1 - first) // _SIDE_MULTIPLE) * _SIDE_MULTIPLE, length)
            begin = min(max(first, 0), length - size)
            sides += [begin, begin + size]
        return cls(*sides)

    def crop(self, maps: Tensor, scale: int = 1) -> Tensor:
        """Return the part of maps (..., h * scale, w * scale) inside the window, without copying."""
        return maps[..., self.top * scale : self.bottom * scale, self.left * scale : self.right * scale]
