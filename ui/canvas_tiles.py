"""Textures of the alpha that is being painted, in tiles: only those that a stroke has changed are made anew."""

from __future__ import annotations

import numpy as np

from ..addon.canvas import Canvas
from ..addon.matte_pictures import reduced
from .matte_textures import Tile, placed, texture
from .screen_mesh import Bounds

TILE = 512  # pixels of a tile's texture, without its apron
APRON = 4  # pixels around them, which interpolation and the line along the edge need


class CanvasTiles:
    """Tiles of one canvas, at the reductions at which editors show it. With `inverted`, they show what lies outside."""

    def __init__(self, canvas: Canvas, *, inverted: bool = False) -> None:
        self.canvas, self.inverted = canvas, inverted
        self._tiles: dict[int, dict[tuple[int, int], Tile | None]] = {}  # by reduction, then column and row

    def tiles(self, reduction: int, shown: Bounds) -> list[Tile]:
        """Return the tiles that are not empty within a part of the clip, up to date with the canvas."""
        self._drop_changed()
        known = self._tiles.setdefault(reduction, {})
        height, width = self.canvas.alpha.shape
        step = TILE * reduction
        columns = range(int(max(0.0, shown.left) * width) // step, -(-int(min(1.0, shown.right) * width) // step))
        rows = range(int(max(0.0, shown.top) * height) // step, -(-int(min(1.0, shown.bottom) * height) // step))
        for place in ((column, row) for row in rows for column in columns):
            if place not in known:
                known[place] = self._made(place, reduction)
        found = (known[column, row] for row in rows for column in columns)
        return [tile for tile in found if tile is not None]

    def _drop_changed(self) -> None:
        """Forget the tiles, at all reductions, that show a rectangle changed since the last call."""
        changed, self.canvas.changed = self.canvas.changed, []
        for reduction, known in self._tiles.items():
            step, apron = TILE * reduction, APRON * reduction
            for area in changed:
                for column in range((area.left - apron) // step, (area.right - 1 + apron) // step + 1):
                    for row in range((area.top - apron) // step, (area.bottom - 1 + apron) // step + 1):
                        known.pop((column, row), None)

    def _made(self, place: tuple[int, int], reduction: int) -> Tile | None:
        height, width = self.canvas.alpha.shape
        step, apron = TILE * reduction, APRON * reduction
        left, top = place[0] * step, place[1] * step
        x, y = max(0, left - apron), max(0, top - apron)
        part = self.canvas.alpha[y : min(height, top + step + apron), x : min(width, left + step + apron)]
        if self.inverted:
            part = 255 - part
        rows = np.flatnonzero(part.any(axis=1))
        if not rows.size:
            return None
        columns = np.flatnonzero(part.any(axis=0))
        size = (width, height)
        values = reduced(part, reduction)
        used = Bounds(x + columns[0] - apron, y + rows[0] - apron, x + columns[-1] + apron, y + rows[-1] + apron)
        own = used.within(Bounds(left, top, min(width, left + step), min(height, top + step)))
        drawn = Bounds(own.left / width, own.top / height, own.right / width, own.bottom / height)
        return Tile(texture(values), values, placed(values.shape, (x, y), reduction, size), drawn)
