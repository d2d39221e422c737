"""Parts of a picture: where an object may be, so that only there it is looked for closely."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

_EVEN = 4  # cells of which a window's sides are multiples: kernels are made anew for every size that comes


@dataclass(frozen=True)
class Window:
    """Rows and columns of cells, the last excluded."""

    top: int
    bottom: int
    left: int
    right: int

    @classmethod
    def around(cls, cells: Tensor, *, margin: int) -> Window | None:
        """One that holds every true cell of (h, w) bool, and at least `margin` more on each side where there are; None
        if there is no such cell.
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
        """What (.., h * finer, w * finer) shows there; a view."""
        return maps[..., self.top * finer : self.bottom * finer, self.left * finer : self.right * finer]
