"""Guided filter (He et al.): carries the mask of a reduced picture to the edges of the full picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from ..shared.alphas import INSIDE, hard_alpha

_RADIUS = 2  # pixels of the reduced picture around each, in which the mask is a linear function of the colours
_SMOOTHNESS = 1e-3  # the larger, the fainter the edges that the mask ignores
_TILE = 384  # pixels: only tiles that the outline runs through are computed


def enlarge(mask: np.ndarray, small: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """Return a mask (h, w) bool of the reduced picture `small` (h, w, 3) uint8 at the size of `picture` (H, W, 3)."""
    lines = _Lines.fit(small, mask)
    grey = hard_alpha(mask)
    result = cv2.resize(grey, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR) >= INSIDE
    for tile in _outline_tiles(grey, result.shape):
        result[tile] = lines.apply(picture, tile) >= 0.5
    return result


def _outline_tiles(grey: np.ndarray, shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """Yield the tiles of a picture of the size `shape` that the outline of the reduced mask `grey` runs near."""
    wide = 2 * _RADIUS + 1
    near = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((wide, wide), np.uint8))
    down, right = grey.shape[0] / shape[0], grey.shape[1] / shape[1]
    for top in range(0, shape[0], _TILE):
        for left in range(0, shape[1], _TILE):
            rows = slice(int(top * down), int(np.ceil((top + _TILE) * down)))
            columns = slice(int(left * right), int(np.ceil((left + _TILE) * right)))
            if near[rows, columns].any():
                yield slice(top, top + _TILE), slice(left, left + _TILE)


@dataclass(frozen=True)
class _Lines:
    """For each pixel of a reduced picture, the mask as a linear function of the colour.

    The functions vary slowly, so they hold for the colours of the full picture too.
    """

    slopes: np.ndarray  # (h, w, 3) float32
    offsets: np.ndarray  # (h, w) float32

    @classmethod
    def fit(cls, picture: np.ndarray, mask: np.ndarray) -> _Lines:
        """Fit the functions to a picture (h, w, 3) uint8 and a mask (h, w) bool."""

        def mean(values: np.ndarray) -> np.ndarray:
            return cv2.blur(values, (2 * _RADIUS + 1, 2 * _RADIUS + 1), borderType=cv2.BORDER_REFLECT)

        colours, target = picture.astype(np.float32) / 255, mask.astype(np.float32)
        centre, level = mean(colours), mean(target)
        joint = mean(colours * target[..., None]) - centre * level[..., None]
        squares = (colours[..., :, None] * colours[..., None, :]).reshape(*mask.shape, 9)
        spread = np.dstack([mean(np.ascontiguousarray(squares[..., place])) for place in range(9)])
        spread = spread.reshape(*mask.shape, 3, 3) - centre[..., :, None] * centre[..., None, :]
        spread += _SMOOTHNESS * np.eye(3, dtype=np.float32)
        slopes = np.linalg.solve(spread, joint[..., None])[..., 0].astype(np.float32)
        return cls(mean(slopes), mean(level - (slopes * centre).sum(-1)))

    def apply(self, picture: np.ndarray, tile: tuple[slice, slice]) -> np.ndarray:
        """Apply the functions to a tile of the full picture (H, W, 3) uint8; return the mask there, about 0..1."""
        colours = picture[tile]
        right, down = self.offsets.shape[1] / picture.shape[1], self.offsets.shape[0] / picture.shape[0]
        # The centre of the full picture's pixel x lies at (x + 0.5) * right - 0.5 in the reduced one.
        matrix = np.array(
            [
                [right, 0, (tile[1].start + 0.5) * right - 0.5],
                [0, down, (tile[0].start + 0.5) * down - 0.5],
            ]
        )

        def enlarged(values: np.ndarray) -> np.ndarray:
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            return cv2.warpAffine(values, matrix, colours.shape[1::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)

        values: np.ndarray = (enlarged(self.slopes) * colours).sum(-1) / 255 + enlarged(self.offsets)
        return values
