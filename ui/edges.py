"""Where the edges of an alpha are, so that a line along them is drawn only there."""

from __future__ import annotations

import numpy as np

from ..engine.shared.alphas import INSIDE
from .screen_mesh import Bounds

_BLOCK = 32  # pixels


def edge_areas(values: np.ndarray, place: Bounds) -> np.ndarray:
    """Return rectangles (A, 4) of the clip (left, top, right, bottom) that hold all edges of an alpha and lines there.

    `values` (h, w) uint8 lie at `place` in the clip.
    """
    height, width = values.shape
    padded = np.pad(values >= INSIDE, ((0, -height % _BLOCK), (0, -width % _BLOCK)), mode="edge")
    blocks = padded.reshape(padded.shape[0] // _BLOCK, _BLOCK, padded.shape[1] // _BLOCK, _BLOCK)
    some, whole = blocks.any(axis=(1, 3)), blocks.all(axis=(1, 3))
    # One more block around each, as an edge may run between two blocks, and a line is wider than its edge.
    near = _next_to(some) & _next_to(~whole)
    steps = np.diff(np.pad(near, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(steps == 1)  # runs of blocks in each row: as many starts as ends, in the same order
    _, ends = np.nonzero(steps == -1)
    cells = np.stack([starts, rows, ends, rows + 1], axis=1) - 1.0  # the first block lies outside
    size = np.array((place.right - place.left, place.bottom - place.top)) * _BLOCK / (width, height)
    return cells * np.tile(size, 2) + (place.left, place.top, place.left, place.top)


def _next_to(blocks: np.ndarray) -> np.ndarray:
    """Return which blocks, of those (H + 2, W + 2) in and around `blocks` (H, W), are true or have a true neighbour.

    Beyond the borders, the blocks go on as they are there.
    """
    around = np.pad(blocks, 2, mode="edge")
    height, width = blocks.shape[0] + 2, blocks.shape[1] + 2
    return np.logical_or.reduce([around[y : y + height, x : x + width] for y in range(3) for x in range(3)])
