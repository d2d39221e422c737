"""Mattes of keyframes: the user's shape, pixel for pixel, with edges as soft as the network's on this frame."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]  # (H, W)
Alpha = NDArray[np.float32]  # (H, W) 0..1

_SOFT = 0.02, 0.98  # a pixel with an alpha between these is soft
_LOGISTIC_WIDTH = 2 * float(np.log(_SOFT[1] / _SOFT[0]))  # of the soft pixels of a logistic edge with scale 1
_BAND = 0.015  # of the frame's shorter side: how far from the outline soft pixels count as those of the edge
_MIN_BAND = 6.0  # pixels
_WINDOW = 3  # bands: side of the window in which the width of the edge is averaged
_MIN_SCALE = 0.1  # pixels; alpha changes from 0.01 to 0.99 between two pixels
_EDGE_SHARE = 0.49  # of what other objects leave; with the rounding to 8 bits, the background keeps more
_INSIDE, _OUTSIDE = 128 / 255, 127 / 255  # alphas nearest to one half that 8 bits can hold


def keyframe_alphas(
    labels: NDArray[np.uint8],
    objects: tuple[int, ...],
    annotated: set[int],
    probability: NDArray[np.float32],
    predicted: Mapping[int, Alpha],
) -> NDArray[np.float32]:
    """Return the mattes (O, H, W) of `objects` on a keyframe.

    `labels` (H, W) are the user's. Annotated objects get their mask, softened as in `predicted`, the network's own
    prediction for them; without a prediction the edge is hard. Others keep their `probability` (O, H, W), but are 0 in
    the masks of annotated objects. At every pixel the largest share, with the background's, is the user's label.
    """
    alphas = probability * ~np.isin(labels, list(annotated))
    others = alphas[[index for index, number in enumerate(objects) if number not in annotated]].sum(0)
    masks = {number: labels == number for number in objects if number in annotated}
    soft = {number: soften(mask, predicted.get(number)) for number, mask in masks.items()}
    own = sum((np.where(masks[number], soft[number], 0) for number in masks), np.zeros(labels.shape, np.float32))
    edges = sum(soft.values(), np.zeros(labels.shape, np.float32)) - own
    # In a mask, the edges of other masks share what its object leaves. Outside all masks, they share less than half of
    # what the objects without a keyframe leave, so that the background has the larger half.
    room = np.where(own > 0, 1 - own, (1 - others).clip(0) * _EDGE_SHARE)
    share = np.minimum(1, room / np.maximum(edges, 1e-6))
    for index, number in enumerate(objects):
        if number in masks:
            alpha = np.where(masks[number], soft[number], soft[number] * share)
            alphas[index] = np.rint(alpha * 255) / 255  # so that the last bits of a prediction make no difference
    return alphas.astype(np.float32)


def soften(mask: Mask, predicted: Alpha | None) -> Alpha:
    """Return the mask with edges as wide as those of `predicted`, averaged nearby: above one half exactly in `mask`."""
    hard = mask.astype(np.float32)
    if predicted is None or not mask.any() or mask.all():
        return hard
    scale = _edge_scale(predicted)
    if scale is None:
        return hard
    distance = _signed_distance(mask)
    with np.errstate(over="ignore"):
        alpha = 1 / (1 + np.exp(-distance / scale))
    return np.where(mask, np.maximum(alpha, _INSIDE), np.minimum(alpha, _OUTSIDE)).astype(np.float32)


def _edge_scale(predicted: Alpha) -> Alpha | None:
    """Return the scale of the logistic edge around each pixel, (H, W) in pixels; None if nothing is predicted."""
    inside = predicted >= 0.5
    if not inside.any() or inside.all():
        return None
    band = max(_MIN_BAND, _BAND * min(predicted.shape))
    edge = (predicted > _SOFT[0]) & (predicted < _SOFT[1]) & (np.abs(_signed_distance(inside)) <= band)
    length = _outline_length(inside)
    window = 2 * round(_WINDOW * band / 2) + 1
    soft_nearby, length_nearby = (
        cv2.blur(values, (window, window), borderType=cv2.BORDER_CONSTANT) * window**2
        for values in (edge.astype(np.float32), length)
    )
    average = edge.sum() / max(float(length.sum()), 1.0)
    is_known = length_nearby > band
    width = np.where(is_known, soft_nearby / np.maximum(length_nearby, 1e-6), average)
    return np.maximum(np.minimum(width, 2 * band) / _LOGISTIC_WIDTH, _MIN_SCALE).astype(np.float32)


def _outline_length(mask: Mask) -> Alpha:
    """Return how much of the mask's outline runs through each pixel, (H, W) in pixels."""
    smooth = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.0, borderType=cv2.BORDER_REPLICATE)
    rows, columns = np.gradient(smooth)
    length: Alpha = np.hypot(rows, columns).astype(np.float32)
    return length


def _signed_distance(mask: Mask) -> Alpha:
    """Return the distance of each pixel's centre from the mask's outline, (H, W) in pixels, positive inside."""
    inside, outside = (
        cv2.distanceTransform(side.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for side in (mask, ~mask)
    )
    distance: Alpha = np.where(mask, inside - 0.5, 0.5 - outside).astype(np.float32)
    return distance
