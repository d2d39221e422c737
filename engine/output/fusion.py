"""Fusion of the mattes that the forward and the backward sweep give an object on one frame."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Alpha = NDArray[np.float32]  # (H, W) 0..1
Quality = tuple[float, float]  # probability 0..1 that the first sweep's matte is right, and the second's

_TRUST = 1.4  # log-odds that the sweep from the nearer keyframe is right, per log-odds of its weight: fitted on films
_DECISION = 6.0  # factor of the log-odds: how soon a region turns from one sweep to the other between two keyframes
_ALIKE, _APART = 0.25, 0.5  # difference averaged nearby: up to the first the mean is kept; from the second, none of it
_NEARBY = 0.009  # sigma of that average, as a fraction of the frame's shorter side
_MIN_NEARBY = 1.5  # pixels
_SUREST = 0.98  # limit of a quality: no matte is trusted so far that its distance to the keyframe does not matter


def fuse(first: Alpha, second: Alpha, weight: float, quality: Quality | None = None) -> Alpha:
    """Fuse two sweeps' mattes of an object on one frame, each (H, W) 0..1.

    `weight`, 0..1, is that of the second by distance to the keyframes (`sweeps.blend_weight`); with 0 or 1 one of the
    mattes is returned as it is. `quality` is calibrated; None: both are equally good.

    Where the mattes agree, or differ along an edge only, the result is their mean, weighted by distance. Where they
    differ over a region, a mean would be a half transparent ghost: there the sweep that is likelier right is chosen.
    The log-odds of that are those of the weight times `_TRUST`, plus those of the quality. They are the same for all
    objects with the same keyframes, so that a region that goes from one object to another is neither shared nor lost.
    The alphas themselves say nothing of it: a network that has lost an object is as sure as one that has not.
    The result is continuous over the picture, and in the mattes, the weight and the quality, thus in time.
    """
    if weight in (0, 1):
        return second if weight else first
    apart = _apart(first, second)
    share = weight + (_chosen(weight, quality) - weight) * apart
    fused: Alpha = (first + share * (second - first)).astype(np.float32)
    return fused


def _chosen(weight: float, quality: Quality | None) -> float:
    """Return the share of the second sweep, 0..1, in regions where the sweeps differ."""
    log_odds = _TRUST * _logit(weight)
    if quality is not None:
        first, second = (min(max(value, 1 - _SUREST), _SUREST) for value in quality)
        log_odds += _logit(second) - _logit(first)
    return float(1 / (1 + np.exp(-_DECISION * log_odds)))


def _apart(first: Alpha, second: Alpha) -> Alpha:
    """Return how far two mattes differ over a region around each pixel, (H, W): from 0, or an edge only, to 1."""
    sigma = max(_MIN_NEARBY, _NEARBY * min(first.shape))
    nearby = cv2.GaussianBlur(np.abs(first - second), (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    ramp = np.clip((nearby - _ALIKE) / (_APART - _ALIKE), 0, 1)
    smooth: Alpha = (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)
    return smooth


def _logit(probability: float) -> float:
    return float(np.log(probability) - np.log1p(-probability))
