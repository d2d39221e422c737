"""Window: crop of a map around the cells where an object is likely."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

_EVEN = 4  # window sides are multiples of it, in cells: kernels are rebuilt for every new size


@dataclass(frozen=True)
class Window:
    """Half-open ranges of rows and columns, in cells."""

    top: int
    bottom: int
    left: int
    right: int

    @classmethod
    def around(cls, cells: Tensor, *, margin: int) -> Window | None:
        """Return the window around all true cells of (h, w) bool, with `margin` cells or more per side within the map.

        None if no cell is true.
        """
        sides: list[int] = []
        for axis in (0, 1):
            held = cells.any(1 - axis).nonzero()
            if not len(held):
                return None
            first, last, every = int(held[0]) - margin, int(held[-1]) + margin, cells.shape[axis]
            size = min(-(-(last + 1 - first) // _EVEN) * _EVEN, every)
            begin = min(max(first, 0), every - size)
            sides += [begin, begin + size]
        return cls(*sides)

    def of(self, maps: Tensor, finer: int = 1) -> Tensor:
        """Crop maps (..., h * finer, w * finer) to the window, as a view."""
        return maps[..., self.top * finer : self.bottom * finer, self.left * finer : self.right * finer]
