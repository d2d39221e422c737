"""Baselines of mask propagation: copies of the nearest keyframe, and warping by optical flow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor

ReadImage = Callable[[int], Tensor]  # media frame -> (1, 3, H', W') RGB 0..1, at working size
KeyframeMasks = Mapping[int, Tensor]  # media frame -> masks (O, H', W') 0..1 of a group of objects


class MaskPropagator(Protocol):
    """Baseline method that propagates the masks of one group of objects."""

    def propagate(self, keyframe: int, frames: range) -> Iterator[Tensor]:
        """Yield the masks (O, H', W') 0..1 of each frame in `frames`, which lead step by step away from `keyframe`."""
        ...


def by_nearest_keyframe(keyframes: Sequence[int], span: range) -> Iterator[tuple[int, range]]:
    """Assign each frame of `span` to its nearest keyframe; yield pairs of a keyframe and the frames to propagate to.

    Each pair has one direction: its frames begin next to the keyframe and end at the farthest frame assigned to it. A
    frame halfway between two keyframes belongs to the earlier one.
    """
    nearest = {frame: min(keyframes, key=lambda keyframe: (abs(keyframe - frame), keyframe)) for frame in span}
    for keyframe in keyframes:
        nearby = [frame for frame in span if nearest[frame] == keyframe]
        if nearby and nearby[-1] > keyframe:
            yield keyframe, range(keyframe + 1, nearby[-1] + 1)
        if nearby and nearby[0] < keyframe:
            yield keyframe, range(keyframe - 1, nearby[0] - 1, -1)


class CopyBaseline:
    """Baseline that copies the masks of the keyframe to all frames."""

    def __init__(self, read_image: ReadImage, keyframe_masks: KeyframeMasks) -> None:
        self._keyframe_masks = keyframe_masks

    def propagate(self, keyframe: int, frames: range) -> Iterator[Tensor]:
        for _ in frames:
            yield self._keyframe_masks[keyframe]


class FlowBaseline:
    """Baseline that warps masks from frame to frame by dense optical flow (OpenCV's DIS)."""

    def __init__(self, read_image: ReadImage, keyframe_masks: KeyframeMasks) -> None:
        self._read_image = read_image
        self._keyframe_masks = keyframe_masks
        self._dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)  # type: ignore[attr-defined]

    def propagate(self, keyframe: int, frames: range) -> Iterator[Tensor]:
        masks, previous = self._keyframe_masks[keyframe].numpy(), self._grey(keyframe)
        rows, columns = np.mgrid[: previous.shape[0], : previous.shape[1]].astype(np.float32)
        for frame in frames:
            current = self._grey(frame)
            flow = self._dis.calc(current, previous, None)  # (H', W', 2) from current to previous pixels
            x, y = columns + flow[..., 0], rows + flow[..., 1]
            masks = np.stack([cv2.remap(mask, x, y, cv2.INTER_LINEAR) for mask in masks])
            previous = current
            yield torch.from_numpy(masks)

    def _grey(self, frame: int) -> np.ndarray:
        """Read a frame at working size as grey values (H', W') uint8."""
        pixels = (self._read_image(frame)[0] * 255).round().byte().permute(1, 2, 0).numpy()
        return cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)
