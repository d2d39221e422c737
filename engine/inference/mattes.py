"""Mattes of a frame as a sweep computes them, and the state from which a sweep can go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..quality.signals import Signals
from .snapshot import Json


@dataclass(frozen=True)
class Matte:
    """Mattes of all objects on one frame, computed in one sweep."""

    frame: int
    objects: tuple[int, ...]
    alpha: NDArray[np.float32]  # (O, H, W) 0..1 at the clip's size; on a keyframe the user's shape
    blend_weights: tuple[float, ...]  # per object: weight of this alpha against that of the other sweep, 0..1
    probability: NDArray[np.float32]  # (1 + O, H, W) 0..1, background first, without the keyframe masks
    signals: Mapping[int, Signals] = field(default_factory=dict)  # by object, of the quality account
    checkpoint: PropagationState | None = None  # state from which propagation can resume, attached to some frames
    sweep: int | None = None  # index of the sweep; None: of none, as the objects are not there
    ends_side: int | None = None  # number of the side of a changed keyframe that is not walked beyond this frame


@dataclass(frozen=True)
class PropagationState:
    """State after a frame, from which propagation can resume with the same results as without interruption."""

    sweep: int  # index of the sweep, from 0
    frame: int  # the last frame computed
    trackers: Json  # the trackers' state as `serialize_state` wrote it
    tensors: dict[str, Tensor]  # the tensors that `trackers` refers to
    ended: Mapping[int, int] = field(default_factory=dict)  # of `EarlyEnds`
    agreeing: int = 0  # of `EarlyEnds`


def empty_matte(frame: int, objects: tuple[int, ...], size: tuple[int, ...]) -> Matte:
    """Return mattes (H, W) of objects that are not there."""
    probability = np.zeros((1 + len(objects), *size), np.float32)
    probability[0] = 1
    return Matte(frame, objects, probability[1:], (1.0,) * len(objects), probability)
