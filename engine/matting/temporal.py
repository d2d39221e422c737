"""Mattes along the motion: smoothing against flicker, and how far an edge moves during a frame."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from .reduced import Floats

_LONGEST = 640  # pixels: longer side of the pictures in which motion is found
_DIFFERENT = 0.04  # a neighbour whose colours differ by this much from the picture has no say
_NEIGHBOUR = 0.5  # weight of a neighbour relative to the frame itself, at full strength
_SURE = 0.02


def smooth(alphas: Sequence[Floats | None], pictures: Sequence[np.ndarray | None], strength: float) -> Floats:
    """Return the middle one of three mattes (H, W), smoothed along the motion; `strength` is 0..1.

    `alphas` and `pictures` (H, W, 3) uint8 are those of the previous, the current and the next frame; either neighbour
    may be None. Only soft pixels change, and only where a neighbour's picture, moved to the frame, looks the same.
    """
    current, picture = alphas[1], pictures[1]
    if current is None or picture is None:
        raise ValueError("the current frame is needed")
    total, weights = current.copy(), np.ones_like(current)
    if strength <= 0:
        return current
    for alpha, other in ((alphas[0], pictures[0]), (alphas[2], pictures[2])):
        if alpha is None or other is None:
            continue
        flow = motion_between(picture, other)
        moved, warped = _warped(alpha, flow), _warped(other, flow)
        differs = np.abs(warped.astype(np.float32) - picture).mean(-1) / 255
        weight = 2 * _NEIGHBOUR * min(strength, 1.0) * np.exp(-((cv2.blur(differs, (5, 5)) / _DIFFERENT) ** 2))
        weight *= (current > _SURE) & (current < 1 - _SURE)
        total += weight * moved
        weights += weight
    result: Floats = (total / weights).astype(np.float32)
    return result


def edge_motion(alphas: Sequence[Floats | None], pictures: Sequence[np.ndarray | None]) -> Floats:
    """Return how far each pixel moves during the middle one of three frames, (H, W, 2) in pixels.

    Arguments are those of `smooth`. Without neighbours nothing moves.
    """
    picture = pictures[1]
    if picture is None:
        raise ValueError("the current frame is needed")
    flows = [
        sign * motion_between(picture, other)
        for sign, other in ((-1, pictures[0]), (1, pictures[2]))
        if other is not None
    ]
    if not flows:
        return np.zeros((*picture.shape[:2], 2), np.float32)
    return np.mean(flows, axis=0).astype(np.float32)


def motion_between(picture: np.ndarray, other: np.ndarray) -> Floats:
    """Return where each pixel of a picture (H, W, 3) uint8 is in the other one: offsets (H, W, 2), x before y."""
    height, width = picture.shape[:2]
    shrunk = min(_LONGEST / max(height, width), 1.0)
    size = max(round(width * shrunk), 16), max(round(height * shrunk), 16)
    greys = [
        cv2.cvtColor(cv2.resize(each, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        for each in (picture, other)
    ]
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)  # type: ignore[attr-defined]
    larger: Floats = cv2.resize(flow.calc(greys[0], greys[1], None), (width, height), interpolation=cv2.INTER_LINEAR)
    return larger * np.array([width / size[0], height / size[1]], np.float32)


def _warped(values: np.ndarray, flow: Floats) -> np.ndarray:
    """Return values (H, W) or (H, W, C) taken from where the flow (H, W, 2) points to."""
    rows, columns = np.indices(flow.shape[:2], np.float32)
    warped: np.ndarray = cv2.remap(
        values, columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return warped
