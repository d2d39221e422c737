"""Maps and weights as 8-bit whole numbers, which a processor multiplies faster than floats (oneDNN)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import torch
from torch import Tensor
from torch.nn import functional

How = tuple[list[int], list[int], list[int], int]  # stride, padding, dilation, groups of a convolution

_TOP = 255  # of maps: 0..255
# Processors without VNNI add pairs of products in 16 bits: 2 * 255 * 63 fits, and every processor finds the same. Only
# where each channel is filtered by itself are there no pairs.
_TOP_DENSE, _TOP_DEPTHWISE = 63, 127  # of weights, either side of 0


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


def coded(image: Tensor) -> Codes | None:
    """(1, C, H, W) float32 in as many steps as there are, from its least value to its greatest; None if it has none."""
    image = image.contiguous(memory_format=torch.channels_last)
    low, high = (float(end) for end in image.permute(0, 2, 3, 1).view(-1).aminmax())  # ten times faster than as it is
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    low, high = min(low, 0.0), max(high, 0.0)  # padding is 0, which must be a step
    scale = (high - low) / _TOP or 1.0
    zero = round(-low / scale)
    return Codes(steps(image, scale, zero), scale, zero)


def joined(maps: list[Tensor] | list[Codes]) -> Tensor | Codes:
    """Maps (1, C, H, W) -> (B, C, H, W). Codes of one kind only: those of a range known beforehand."""
    first = maps[0]
    if len(maps) == 1:
        return first
    if isinstance(first, Codes):
        return Codes(torch.cat([one.codes for one in maps]), first.scale, first.zero)
    return torch.cat(maps)


def steps(image: Tensor, scale: float, zero: int) -> Tensor:
    """The codes of a map, channels last."""
    places = image.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1)
    codes = cv2.convertScaleAbs(places.view(-1).numpy(), alpha=1 / scale, beta=zero)  # in one pass; rounds
    return torch.from_numpy(codes).view(places.shape).permute(0, 3, 1, 2)


def top_of(weight: Tensor, groups: int) -> int:
    """The greatest whole number, either side of 0, that stands for a weight (C', C / groups, K, K)."""
    return _TOP_DEPTHWISE if groups == weight.shape[0] and weight.shape[1] == 1 else _TOP_DENSE


def packed(weight: Tensor, how: How) -> Packed:
    """Weight (C', C / groups, K, K) float32 for maps of any size."""
    stride, padding, dilation, groups = how
    scale = (weight.abs().amax((1, 2, 3)) / top_of(weight, groups)).clamp_min(1e-12)
    codes = (weight / scale[:, None, None, None]).round().to(torch.int8)
    made_for = 1.0, 1  # scale and zero of a map; others may be used, but a zero that is not 0 has to be foreseen
    ready = torch.ops.onednn.qconv_prepack(codes, scale, *made_for, stride, padding, dilation, groups, None)
    return Packed(ready, scale, torch.zeros(len(scale), dtype=torch.int8))


def convolved(
    image: Codes, ready: Packed, bias: Tensor | None, how: How, *, scale: float | None, then: tuple[str, list[float]]
) -> Tensor:
    """Codes through a convolution and `then`, in oneDNN's words: floats, or with a `scale` codes from 0."""
    given = (image.codes, image.scale, image.zero, ready.weight, ready.scale, ready.zero, bias, *how)
    kind = (1.0, 0, torch.float32) if scale is None else (scale, 0, torch.uint8)
    return torch.ops.onednn.qconv2d_pointwise(*given, *kind, *then, "")


def _able() -> bool:
    """Whether this PyTorch has what its own compiler calls, as it is called here, and finds what it should.

    Tried are the kinds that there are: dense to floats, each channel by itself to codes cut off at 6, and 1x1 of those.
    """
    rng = torch.Generator().manual_seed(0)
    first, second, third = (torch.randn(shape, generator=rng) for shape in ((8, 8, 3, 3), (8, 1, 3, 3), (4, 8, 1, 1)))
    kinds: list[How] = [([1, 1], [1, 1], [1, 1], 1), ([2, 2], [1, 1], [1, 1], 8), ([1, 1], [0, 0], [1, 1], 1)]
    image = torch.randn(1, 8, 8, 8, generator=rng)
    try:
        with torch.inference_mode():
            weights = [packed(weight, how) for weight, how in zip((first, second, third), kinds, strict=True)]
            dense = convolved(coded(image), weights[0], None, kinds[0], scale=None, then=("none", []))
            alone = convolved(coded(dense), weights[1], None, kinds[1], scale=6 / _TOP, then=("hardtanh", [0.0, 6.0]))
            last = convolved(Codes(alone, 6 / _TOP, 0), weights[2], None, kinds[2], scale=None, then=("none", []))
    except (AttributeError, RuntimeError, TypeError):  # it is promised to nobody
        return False
    truth = functional.conv2d(image, first, padding=1)
    truth = functional.conv2d(functional.conv2d(truth, second, None, 2, 1, groups=8).clamp(0, 6), third)
    return alone.dtype == torch.uint8 and bool((last - truth).abs().max() < 0.1 * truth.abs().max())


ABLE = torch.backends.mkldnn.is_available() and _able()
