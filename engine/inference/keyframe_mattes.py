"""Mattes of keyframes: the user's shape, pixel for pixel, with the user's soft edges, or else the network's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ..shared.alphas import on_its_side
from .soft_masks import SoftMasks

Mask = NDArray[np.bool_]  # (H, W)
Alpha = NDArray[np.float32]  # (H, W) 0..1

_SOFT = 0.02, 0.98  # a pixel with an alpha between these is soft
_LOGISTIC_WIDTH = 2 * float(np.log(_SOFT[1] / _SOFT[0]))  # of the soft pixels of a logistic edge with scale 1
_BAND = 0.015  # of the frame's shorter side: how far from the outline soft pixels count as those of the edge
_MIN_BAND = 6.0  # pixels
_WINDOW = 3  # bands: side of the window in which the width of the edge is averaged
_MIN_SCALE = 0.1  # pixels; alpha changes from 0.01 to 0.99 between two pixels
_STEP = 1 / 255  # of alpha in 8 bits: by how much the owner's share is larger than the next one, at least
_NARROWEST = 0.5  # limit of the factor by which an edge is narrowed along a rough outline
_UNSHARED = 1 - 1e-4  # shares above are 1, but for rounding


def keyframe_alphas(
    labels: NDArray[np.uint8],
    objects: tuple[int, ...],
    annotated: set[int],
    probability: NDArray[np.float32],
    examples: Mapping[int, Sequence[Alpha]],
    given: SoftMasks,
) -> NDArray[np.float32]:
    """Return the mattes (O, H, W) of `objects` on a keyframe.

    `labels` (H, W) and the soft pixels `given` are the user's. Annotated objects get their mask with the user's own
    edge where that is soft. Elsewhere it is softened as in `predicted`, the network's own prediction for them; without
    a prediction it is hard. Others keep their `probability` (O, H, W), but are 0 in the masks of annotated objects, and
    make room for the user's soft edges. At every pixel the largest share is the owner's: the object that the user says,
    and the background or an object that is not annotated where the user says none.
    """
    masks = {number: labels == number for number in objects if number in annotated}
    soft = {number: soften(mask, examples.get(number, ())) for number, mask in masks.items()}
    nothing = np.zeros(labels.shape, np.float32)
    claimed = nothing
    for number in masks:
        if number in given:
            alpha, weight = given[number].alpha(masks[number]), given[number].weight(masks[number])
            soft[number] = on_its_side(soft[number] + weight * (alpha - soft[number]), masks[number])
            claimed = np.maximum(claimed, np.where(weight == 1, alpha, 0))
    alphas = probability * ~np.isin(labels, list(annotated)) * (1 - claimed)
    rest = alphas[[index for index, number in enumerate(objects) if number not in annotated]]
    own = sum((np.where(masks[number], soft[number], 0) for number in masks), nothing)
    edges = sum(soft.values(), nothing) - own
    highest = np.max([nothing, *(np.where(masks[number], 0, soft[number]) for number in masks)], axis=0)
    # In a mask, the edges of other masks share what its object leaves. Outside all masks, they share what the objects
    # without a keyframe leave, but the largest of them must stay below the background or one of those objects.
    left = 1 - np.where(own > 0, own, rest.sum(0)).clip(0, 1)
    largest = (rest.max(0, initial=0) - _STEP).clip(0)
    below = np.maximum((left - _STEP) / _at_least(highest + edges), largest / _at_least(highest))
    share = np.minimum(left / _at_least(edges), np.where(own > 0, 1, below)).clip(0, 1)
    for index, number in enumerate(objects):
        if number in masks:
            bits = 255 * np.where(masks[number], soft[number], soft[number] * share)
            # Rounded, so that the last bits of a prediction make no difference; down where pixels are shared.
            rounded = np.where(masks[number] | (share > _UNSHARED), np.rint(bits), np.floor(bits + 0.01))
            alphas[index] = rounded / 255
    return alphas.astype(np.float32)


def soften(mask: Mask, examples: Sequence[Alpha]) -> Alpha:
    """Return the mask with edges as wide as those of the examples, averaged nearby: above one half exactly in `mask`.

    Of several examples (H, W), such as the mattes of the frames before and after, the widths are averaged. Where the
    outline of an example is less than a pixel from the mask's, its edge is taken as it is, but for the side of one
    half, so that nothing flickers where nothing moves.
    """
    hard = mask.astype(np.float32)
    pairs = [(example, scale) for example in examples if (scale := _edge_scale(example)) is not None]
    if not pairs or not mask.any() or mask.all():
        return hard
    scale = np.mean([scale for _, scale in pairs], axis=0)
    distance = _signed_distance(mask)
    # A user's outline is rougher than a network's, so that a band of the same width has more pixels: narrow it.
    measured = _edge_scale(_logistic(distance, scale))
    if measured is not None:
        scale = scale * np.clip(scale / measured, _NARROWEST, 1)
    alpha = _logistic(distance, scale)
    band = _band(mask.shape)
    nearby = np.clip(2 - 2 * np.abs(distance) / band, 0, 1)  # 1 up to half a band from the outline, 0 beyond the band
    weights = [nearby * _agreement(mask, example) for example, _ in pairs]
    total = np.sum(weights, axis=0)
    mixed = np.sum([weight * on_its_side(example, mask) for weight, (example, _) in zip(weights, pairs)], axis=0)
    alpha += np.minimum(total, 1) * (mixed / _at_least(total) - alpha)
    return on_its_side(alpha, mask)


def _agreement(mask: Mask, example: Alpha) -> Alpha:
    """Return how well the outline of an example agrees with the mask's around each pixel, (H, W) 0..1.

    It is 1 where the outlines are at most half a pixel apart on average, and 0 from one pixel on.
    """
    between = _nearby(((example >= 0.5) != mask).astype(np.float32))
    length = _nearby(_outline_length(mask))
    apart = between / np.maximum(length, 1)
    agreement: Alpha = np.clip(2 - 2 * apart, 0, 1).astype(np.float32)
    return agreement


def _logistic(distance: Alpha, scale: Alpha) -> Alpha:
    with np.errstate(over="ignore"):
        alpha: Alpha = (1 / (1 + np.exp(-distance / scale))).astype(np.float32)
    return alpha


def _at_least(values: Alpha) -> Alpha:
    """Return values that can be divided by."""
    return np.maximum(values, 1e-6)


def _edge_scale(predicted: Alpha) -> Alpha | None:
    """Return the scale of the logistic edge around each pixel, (H, W) in pixels; None if nothing is predicted."""
    inside = predicted >= 0.5
    if not inside.any() or inside.all():
        return None
    band = _band(predicted.shape)
    edge = (predicted > _SOFT[0]) & (predicted < _SOFT[1]) & (np.abs(_signed_distance(inside)) <= band)
    length = _outline_length(inside)
    soft_nearby, length_nearby = _nearby(edge.astype(np.float32)), _nearby(length)
    average = edge.sum() / max(float(length.sum()), 1.0)
    is_known = length_nearby > band
    width = np.where(is_known, soft_nearby / np.maximum(length_nearby, 1e-6), average)
    return np.maximum(np.minimum(width, 2 * band) / _LOGISTIC_WIDTH, _MIN_SCALE).astype(np.float32)


def _band(shape: tuple[int, ...]) -> float:
    """Return how far from the outline soft pixels count as those of the edge, in pixels."""
    return max(_MIN_BAND, _BAND * min(shape))


def _nearby(values: Alpha) -> Alpha:
    """Return the sum of values (H, W) in a window around each pixel."""
    window = 2 * round(_WINDOW * _band(values.shape) / 2) + 1
    total: Alpha = cv2.blur(values, (window, window), borderType=cv2.BORDER_CONSTANT) * np.float32(window**2)
    return total


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
