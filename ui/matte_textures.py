"""Textures of alphas on the graphics card, in a cache of bounded size."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

import gpu
import numpy as np
from gpu.types import GPUTexture

from ..addon.matte_pictures import Picture
from .edges import edge_areas
from .screen_mesh import Bounds, area

MAX_BYTES = 128 << 20  # of all textures
MAX_COUNT = 256
_MARGIN = 5  # pixels of a picture


@dataclass(frozen=True)
class Tile:
    """Texture of one channel that holds a rectangle of the clip."""

    texture: GPUTexture
    values: np.ndarray  # (h, w) uint8, of the texture
    place: Bounds  # of the texture in the clip
    drawn: Bounds  # the part of it to be drawn

    @cached_property
    def edges(self) -> np.ndarray:
        """Return rectangles (A, 4) that hold its edges."""
        areas = edge_areas(self.values, self.place)
        drawn = area(self.drawn)
        low, high = np.maximum(areas[:, :2], drawn[:, :2]), np.minimum(areas[:, 2:], drawn[:, 2:])
        return np.concatenate([low, high], axis=1)


@dataclass(frozen=True)
class _Cached:
    picture: Picture  # keeps its identity from being given to another picture
    part: tuple[int, int, int, int]
    tile: Tile
    size: int  # bytes


class Textures:
    """Cache of the textures of pictures. To be used only while Blender draws."""

    def __init__(self, *, max_bytes: int = MAX_BYTES, max_count: int = MAX_COUNT) -> None:
        self._max_bytes, self._max_count = max_bytes, max_count
        self._cached: OrderedDict[Hashable, _Cached] = OrderedDict()  # the least recently used first
        self.bytes_held = 0

    def __len__(self) -> int:
        return len(self._cached)

    def tile(self, key: Hashable, picture: Picture, size: tuple[int, int], shown: Bounds) -> Tile | None:
        """Return a picture's part within `shown` as a tile, or None if it is empty there.

        `size` is the clip's (width, height). The texture is made anew if `key` had another picture or part.
        """
        part = _part(picture, size, shown)
        if part is None:
            return None
        cached = self._cached.pop(key, None)
        if cached is not None and (cached.picture is not picture or cached.part != part):
            self.bytes_held -= cached.size
            cached = None
        if cached is None:
            left, top, right, bottom = part
            values = picture.values[top:bottom, left:right]
            at = picture.left + left * picture.reduction, picture.top + top * picture.reduction
            place = placed(values.shape, at, picture.reduction, size)
            margin = _MARGIN * picture.reduction  # for the line along an edge, which reaches out of the picture
            drawn = place.grown(margin / size[0], margin / size[1])
            cached = _Cached(picture, part, Tile(texture(values), values, place, drawn), values.size)
            self.bytes_held += cached.size
        self._cached[key] = cached
        while len(self._cached) > self._max_count or (self.bytes_held > self._max_bytes and len(self._cached) > 1):
            self.bytes_held -= self._cached.popitem(last=False)[1].size
        return cached.tile

    def clear(self) -> None:
        """Free all textures."""
        self._cached.clear()
        self.bytes_held = 0


def texture(values: np.ndarray) -> GPUTexture:
    """Return `values` (h, w) uint8 as a texture of one channel, 0..1; its first row is the first of the array."""
    height, width = values.shape
    scaled = np.multiply(values, np.float32(1 / 255), dtype=np.float32)
    data = gpu.types.Buffer("FLOAT", (height, width), np.ascontiguousarray(scaled))
    return GPUTexture((width, height), format="R8", data=data)


def placed(shape: tuple[int, ...], at: tuple[int, int], reduction: int, size: tuple[int, int]) -> Bounds:
    """Return the rectangle of the clip that an array (h, w) shows whose first pixel lies at the pixel `at` (x, y)."""
    (height, width), (x, y) = shape, at
    across, down = size
    return Bounds(x / across, y / down, (x + width * reduction) / across, (y + height * reduction) / down)


def _part(picture: Picture, size: tuple[int, int], shown: Bounds) -> tuple[int, int, int, int] | None:
    """Return the columns and rows (left, top, right, bottom) of the picture that `shown` has, and one more around."""
    height, width = picture.values.shape
    across, down = size[0] / picture.reduction, size[1] / picture.reduction
    x, y = picture.left / picture.reduction, picture.top / picture.reduction
    left = max(0, int(shown.left * across - x) - 1)
    top = max(0, int(shown.top * down - y) - 1)
    right = min(width, int(shown.right * across - x) + 2)
    bottom = min(height, int(shown.bottom * down - y) + 2)
    return (left, top, right, bottom) if left < right and top < bottom else None
