"""Temporal smoothing of mattes along the motion, against flicker."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..shared.alphas import on_its_side
from .reduced import Floats, Place, Reduced, tiles, widened, within

_LONGEST = 640  # pixels: longer side of the pictures in which motion is found
_SHORTEST = 16  # pixels: shorter side of those; optical flow needs as much
_DIFFERENT = 0.04  # of white: a neighbour whose colours differ by this much has little say
_NEARBY = 2  # pixels around one whose colours are compared as well
_SURE = 0.02  # an alpha less than this from 0 or 1 is left alone
_TILE = 512  # pixels: only tiles with soft pixels are computed

Frames = Sequence[np.ndarray | None]  # the previous, the current and the next one; None: not there


def smooth(alphas: Frames, pictures: Frames, strength: float, shape: np.ndarray | None = None) -> Floats:
    """Return the middle one of three mattes (H, W), smoothed along the motion; `strength` is 0..1.

    `alphas` and `pictures` (H, W, 3) uint8 are those of the previous, the current and the next frame; either neighbour
    may be None. Only soft pixels change, and only where a neighbour's picture, moved to the frame, looks the same.
    `shape` (H, W) bool is the artist's own on a keyframe, which the result keeps: one half or more exactly there.
    """
    current, picture = _middle(alphas), _middle(pictures)
    soft = (current > _SURE) & (current < 1 - _SURE)
    neighbours = [(alpha, other) for alpha, other in zip(alphas[::2], pictures[::2])]
    there = [(alpha, other) for alpha, other in neighbours if alpha is not None and other is not None]
    if strength <= 0 or not there or not soft.any():
        return current
    flows = [_motion(picture, other) for _, other in there]
    result = current.copy()
    for place in tiles(soft, _TILE):
        total, weights = current[place].copy(), np.ones_like(current[place])
        for (alpha, other), flow in zip(there, flows):
            moved, like = _moved(picture, alpha, other, flow, place)
            total += min(strength, 1.0) * like * moved
            weights += min(strength, 1.0) * like
        result[place] = np.where(soft[place], total / weights, current[place])
    return result if shape is None else on_its_side(result, shape)


def _middle(values: Frames) -> np.ndarray:
    """Return what belongs to the current frame. Raises ValueError if it is None."""
    if values[1] is None:
        raise ValueError("the current frame is needed")
    return values[1]


def _motion(picture: np.ndarray, other: np.ndarray) -> Floats:
    """Return where the pixels of a picture (H, W, 3) uint8 are in the other one: offsets (h, w, 2), x before y.

    Offsets are in pixels of the pictures, but are given at a reduced size.
    """
    height, width = picture.shape[:2]
    shrunk = min(_LONGEST / max(height, width), 1.0)
    size = max(round(width * shrunk), _SHORTEST), max(round(height * shrunk), _SHORTEST)
    smaller = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (picture, other))
    greys = [cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in smaller]
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)  # type: ignore[attr-defined]
    flow: Floats = dis.calc(greys[0], greys[1], None)
    return flow * np.array([width / size[0], height / size[1]], np.float32)


def _moved(
    picture: np.ndarray, alpha: np.ndarray, other: np.ndarray, flow: Floats, place: Place
) -> tuple[Floats, Floats]:
    """Return the alpha of a neighbour, moved to a part of the current frame, and how alike the pictures are, 0..1."""
    full = picture.shape[0], picture.shape[1]
    outer = widened(place, _NEARBY, full)
    offsets = Reduced(full, (flow.shape[0], flow.shape[1])).enlarge(flow, (0, 0), outer)
    rows, columns = np.indices(offsets.shape[:2], np.float32)
    across = columns + np.float32(outer[1].start) + offsets[..., 0]
    down = rows + np.float32(outer[0].start) + offsets[..., 1]
    alpha, other = (
        cv2.remap(values, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for values in (alpha, other)
    )
    differs = np.abs(other.astype(np.float32) - picture[outer]).mean(-1) / 255
    side = 2 * _NEARBY + 1
    nearby = cv2.blur(differs, (side, side), borderType=cv2.BORDER_REPLICATE)
    inner = within(place, outer)
    like: Floats = np.exp(-np.square(nearby[inner] / _DIFFERENT)).astype(np.float32)
    return alpha[inner], like
