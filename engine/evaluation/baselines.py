"""Plain ways of carrying masks from keyframes, to compare with: the nearest one copied, and warped by optical flow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor

Look = Callable[[int], Tensor]  # media frame -> (1, 3, H', W') RGB 0..1, at working size
Given = Mapping[int, Tensor]  # media frame -> masks (O, H', W') 0..1 of a group of objects


class Carrier(Protocol):
    """Carries the masks of one group of objects."""

    def carry(self, keyframe: int, frames: range) -> Iterator[Tensor]:
        """Masks (O, H', W') 0..1 of `frames`, which lead away from `keyframe` one by one."""
        ...


def chains(keyframes: Sequence[int], span: range) -> Iterator[tuple[int, range]]:
    """Each keyframe with the frames of `span` that it is the nearest to, going away from it, and those on the way.

    Of two keyframes equally near, the earlier.
    """
    nearest = {frame: min(keyframes, key=lambda keyframe: (abs(keyframe - frame), keyframe)) for frame in span}
    for keyframe in keyframes:
        its = [frame for frame in span if nearest[frame] == keyframe]
        if its and its[-1] > keyframe:
            yield keyframe, range(keyframe + 1, its[-1] + 1)
        if its and its[0] < keyframe:
            yield keyframe, range(keyframe - 1, its[0] - 1, -1)


class Copied:
    """The keyframe as it is."""

    def __init__(self, look: Look, given: Given) -> None:
        self._given = given

    def carry(self, keyframe: int, frames: range) -> Iterator[Tensor]:
        for _ in frames:
            yield self._given[keyframe]


class Flow:
    """Masks warped from frame to frame by dense optical flow (OpenCV's DIS)."""

    def __init__(self, look: Look, given: Given) -> None:
        self._look = look
        self._given = given
        self._dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def carry(self, keyframe: int, frames: range) -> Iterator[Tensor]:
        masks, before = self._given[keyframe].numpy(), self._grey(keyframe)
        rows, columns = np.mgrid[: before.shape[0], : before.shape[1]].astype(np.float32)
        for frame in frames:
            now = self._grey(frame)
            flow = self._dis.calc(now, before, None)  # (H', W', 2): where each pixel of now was before
            x, y = columns + flow[..., 0], rows + flow[..., 1]
            masks = np.stack([cv2.remap(mask, x, y, cv2.INTER_LINEAR) for mask in masks])
            before = now
            yield torch.from_numpy(masks)

    def _grey(self, frame: int) -> np.ndarray:
        pixels = (self._look(frame)[0] * 255).round().byte().permute(1, 2, 0).numpy()
        return cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)
