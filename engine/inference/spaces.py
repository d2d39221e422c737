"""Spaces other than the clip's own, in which a network may see frames: how keyframes get there, and what they keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from ..shared.alphas import FULL, INSIDE
from .keyframe_mattes import keyframe_alphas
from .soft_masks import SoftKeyframes, SoftMasks, SoftPixels

Move = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]  # an alpha (H, W) of the clip -> that in the space


def moved_keyframe(
    labels: NDArray[np.uint8], soft: SoftMasks, move: Move
) -> tuple[NDArray[np.uint8], dict[int, SoftPixels]]:
    """Move a keyframe's labels (H, W) and soft pixels to a space; return those there."""
    moved: NDArray[np.uint8] | None = None
    edges: dict[int, SoftPixels] = {}
    for number in (int(one) for one in np.unique(labels) if one):
        mask, of = labels == number, soft.get(number)
        alpha = (mask * np.uint8(FULL)) if of is None else np.rint(of.alpha(mask) * FULL).astype(np.uint8)
        alpha = move(alpha)
        moved = np.zeros_like(alpha) if moved is None else moved
        moved[alpha >= INSIDE] = number
        if of is not None:
            edges[number] = SoftPixels.of(alpha)
    return (np.zeros_like(move(labels)) if moved is None else moved), edges


def with_shapes(
    frame: int,
    objects: tuple[int, ...],
    alpha: NDArray[np.float32],
    truth: Mapping[int, NDArray[np.uint8]],
    soft: SoftKeyframes,
    annotated: set[int],
) -> NDArray[np.float32]:
    """Return mattes (O, H, W) that come from a space: on a keyframe, `annotated` objects have the user's masks."""
    if frame not in truth:
        return alpha
    return keyframe_alphas(truth[frame], objects, annotated, alpha, {}, soft.get(frame, {}))
