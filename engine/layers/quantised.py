"""8-bit quantised maps, weights and convolutions for CPU inference (oneDNN)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import torch
from torch import Tensor
from torch.nn import functional

How = tuple[list[int], list[int], list[int], int]  # stride, padding, dilation, groups of a convolution

_TOP = 255  # greatest code of a map: 0..255
# CPUs without VNNI add pairs of products in 16 bits: 2 * 255 * 63 fits, so results are equal on every CPU. Depthwise
# convolutions add no pairs.
_TOP_DENSE, _TOP_DEPTHWISE = 63, 127  # greatest absolute code of weights


@dataclass(frozen=True)
class Codes:
    """Quantised map: value = (code - zero) * scale."""

    codes: Tensor  # (B, C, H, W) uint8, channels last
    scale: float
    zero: int


@dataclass(frozen=True)
class Packed:
    """Quantised convolution weight, with one scale per output channel."""

    weight: Tensor  # in oneDNN's layout
    scale: Tensor  # (C,)
    zero: Tensor  # (C,) int8


def coded(image: Tensor) -> Codes | None:
    """Quantise (1, C, H, W) float32 over its value range; None if a value is not finite."""
    image = image.contiguous(memory_format=torch.channels_last)
    low, high = (float(end) for end in image.permute(0, 2, 3, 1).view(-1).aminmax())  # flat view: ten times faster
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    low, high = min(low, 0.0), max(high, 0.0)  # padding is 0, which must have an exact code
    scale = (high - low) / _TOP or 1.0
    zero = round(-low / scale)
    return Codes(steps(image, scale, zero), scale, zero)


def joined(maps: list[Tensor] | list[Codes]) -> Tensor | Codes:
    """Concatenate maps (1, C, H, W) -> (B, C, H, W). All codes must have the same scale and zero."""
    first = maps[0]
    if len(maps) == 1:
        return first
    if isinstance(first, Codes):
        return Codes(torch.cat([one.codes for one in maps]), first.scale, first.zero)
    return torch.cat(maps)


def steps(image: Tensor, scale: float, zero: int) -> Tensor:
    """Quantise a map to uint8 codes, channels last."""
    places = image.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1)
    codes = cv2.convertScaleAbs(places.view(-1).numpy(), alpha=1 / scale, beta=zero)  # one pass, with rounding
    return torch.from_numpy(codes).view(places.shape).permute(0, 3, 1, 2)


def top_of(weight: Tensor, groups: int) -> int:
    """Return the greatest absolute code of a weight (C', C / groups, K, K)."""
    return _TOP_DEPTHWISE if groups == weight.shape[0] and weight.shape[1] == 1 else _TOP_DENSE


def packed(weight: Tensor, how: How) -> Packed:
    """Quantise and prepack a weight (C', C / groups, K, K) float32, for maps of any size."""
    stride, padding, dilation, groups = how
    scale = (weight.abs().amax((1, 2, 3)) / top_of(weight, groups)).clamp_min(1e-12)
    codes = (weight / scale[:, None, None, None]).round().to(torch.int8)
    made_for = 1.0, 1  # scale and zero of a map; others work too, but only if packed for a nonzero zero
    ready = torch.ops.onednn.qconv_prepack(codes, scale, *made_for, stride, padding, dilation, groups, None)
    return Packed(ready, scale, torch.zeros(len(scale), dtype=torch.int8))


def convolved(
    image: Codes, ready: Packed, bias: Tensor | None, how: How, *, scale: float | None, then: tuple[str, list[float]]
) -> Tensor:
    """Convolve codes and apply `then` (oneDNN's name); return floats, or with `scale` codes of zero point 0."""
    given = (image.codes, image.scale, image.zero, ready.weight, ready.scale, ready.zero, bias, *how)
    kind = (1.0, 0, torch.float32) if scale is None else (scale, 0, torch.uint8)
    return torch.ops.onednn.qconv2d_pointwise(*given, *kind, *then, "")


def _able() -> bool:
    """Return whether this PyTorch's quantised oneDNN operators exist and give correct results.

    Tests dense to floats, depthwise to codes with ReLU6, and 1x1 from codes.
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
    except (AttributeError, RuntimeError, TypeError):  # private operators without a stable interface
        return False
    truth = functional.conv2d(image, first, padding=1)
    truth = functional.conv2d(functional.conv2d(truth, second, None, 2, 1, groups=8).clamp(0, 6), third)
    return alone.dtype == torch.uint8 and bool((last - truth).abs().max() < 0.1 * truth.abs().max())


ABLE = torch.backends.mkldnn.is_available() and _able()
