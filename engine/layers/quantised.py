"""Maps and weights as 8-bit whole numbers, which a processor multiplies faster than floats (oneDNN)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import torch
from torch import Tensor

_TOP = 255  # of maps: 0..255
_OPS = ("qconv_prepack", "qconv2d_pointwise")
# Processors without VNNI add pairs of products in 16 bits: 2 * 255 * 63 fits, and every processor finds the same. Only
# where each channel is filtered by itself are there no pairs.
_TOP_DENSE, _TOP_DEPTHWISE = 63, 127  # of weights, either side of 0

# What PyTorch's own compiler calls; as those for floats they can be called as they are.
ABLE = torch.backends.mkldnn.is_available() and all(hasattr(torch.ops.onednn, name) for name in _OPS)


@dataclass(frozen=True)
class Codes:
    """A map in whole numbers: (code - zero) * scale."""

    codes: Tensor  # (B, C, H, W) uint8, channels last
    scale: float
    zero: int


@dataclass(frozen=True)
class Packed:
    """A convolution's weight in whole numbers, one scale for each output channel."""

    weight: Tensor  # in oneDNN's layout
    scale: Tensor  # (C,)
    zero: Tensor  # (C,) int8


def coded(image: Tensor) -> Codes:
    """(B, C, H, W) float32 in as many steps as there are, from its least value to its greatest."""
    image = image.contiguous(memory_format=torch.channels_last)
    low, high = (float(end) for end in image.permute(0, 2, 3, 1).view(-1).aminmax())  # ten times faster than as it is
    low, high = min(low, 0.0), max(high, 0.0)  # padding is 0, which must be a step
    scale = (high - low) / _TOP or 1.0
    zero = round(-low / scale)
    return Codes(steps(image, scale, zero), scale, zero)


def steps(image: Tensor, scale: float, zero: int) -> Tensor:
    """The codes of a map, channels last."""
    places = image.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1)
    codes = cv2.convertScaleAbs(places.view(-1).numpy(), alpha=1 / scale, beta=zero)  # in one pass; rounds
    return torch.from_numpy(codes).view(places.shape).permute(0, 3, 1, 2)


def top_of(weight: Tensor, groups: int) -> int:
    """The greatest whole number, either side of 0, that stands for a weight (C', C / groups, K, K)."""
    return _TOP_DEPTHWISE if groups == weight.shape[0] and weight.shape[1] == 1 else _TOP_DENSE


def packed(weight: Tensor, padding: list[int], stride: list[int], dilation: list[int], groups: int) -> Packed:
    """Weight (C', C / groups, K, K) float32 for maps of any size."""
    scale = (weight.abs().amax((1, 2, 3)) / top_of(weight, groups)).clamp_min(1e-12)
    codes = (weight / scale[:, None, None, None]).round().to(torch.int8)
    made_for = 1.0, 1  # scale and zero of a map; others may be used, but a zero that is not 0 has to be foreseen
    ready = torch.ops.onednn.qconv_prepack(codes, scale, *made_for, stride, padding, dilation, groups, None)
    return Packed(ready, scale, torch.zeros(len(scale), dtype=torch.int8))
