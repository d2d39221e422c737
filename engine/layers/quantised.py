"""8-bit quantised maps, weights and convolutions for CPU inference (oneDNN)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import torch
from torch import Tensor
from torch.nn import functional

ConvGeometry = tuple[list[int], list[int], list[int], int]  # stride, padding, dilation, groups of a convolution

_MAX_CODE = 255  # greatest code of a map: 0..255
# CPUs without VNNI add pairs of products in 16 bits: 2 * 255 * 63 fits, so results are equal on every CPU. Depthwise
# convolutions add no pairs.
_MAX_DENSE_CODE, _MAX_DEPTHWISE_CODE = 63, 127  # greatest absolute code of weights


@dataclass(frozen=True)
class QuantisedMap:
    """Map in 8-bit integers: value = (code - zero_point) * scale."""

    codes: Tensor  # (B, C, H, W) uint8, channels last
    scale: float
    zero_point: int


@dataclass(frozen=True)
class PackedWeight:
    """Quantised convolution weight, with one scale per output channel."""

    weight: Tensor  # in oneDNN's layout
    scale: Tensor  # (C',)
    zero_point: Tensor  # (C',) int8, all 0


def quantise(image: Tensor) -> QuantisedMap | None:
    """Quantise a map (1, C, H, W) float32 over its range of values; return None if a value is not finite."""
    image = image.contiguous(memory_format=torch.channels_last)
    low, high = (float(end) for end in image.permute(0, 2, 3, 1).view(-1).aminmax())  # flat view: ten times faster
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    low, high = min(low, 0.0), max(high, 0.0)  # padding is 0, which must have an exact code
    scale = (high - low) / _MAX_CODE or 1.0
    zero_point = round(-low / scale)
    return QuantisedMap(to_codes(image, scale, zero_point), scale, zero_point)


def concatenate(maps: Sequence[Tensor | QuantisedMap]) -> Tensor | QuantisedMap:
    """Concatenate maps (1, C, H, W) along the batch -> (B, C, H, W).

    All maps are floats, or all are quantised with the same scale and zero point.
    """
    first = maps[0]
    if len(maps) == 1:
        return first
    batch = torch.cat([part.codes if isinstance(part, QuantisedMap) else part for part in maps])
    return QuantisedMap(batch, first.scale, first.zero_point) if isinstance(first, QuantisedMap) else batch


def to_codes(image: Tensor, scale: float, zero_point: int) -> Tensor:
    """Return the uint8 codes of a float map for the given scale and zero point, channels last."""
    rows = image.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1)
    codes = cv2.convertScaleAbs(rows.view(-1).numpy(), alpha=1 / scale, beta=zero_point)  # one pass, with rounding
    return torch.from_numpy(codes).view(rows.shape).permute(0, 3, 1, 2)


def max_code(weight: Tensor, groups: int) -> int:
    """Return the greatest absolute code to use for a weight (C', C / groups, K, K) in 8 bits."""
    return _MAX_DEPTHWISE_CODE if groups == weight.shape[0] and weight.shape[1] == 1 else _MAX_DENSE_CODE


def pack_weight(weight: Tensor, geometry: ConvGeometry) -> PackedWeight:
    """Quantise a weight (C', C / groups, K, K) float32 and pack it for oneDNN; the result fits maps of any size."""
    stride, padding, dilation, groups = geometry
    scale = (weight.abs().amax((1, 2, 3)) / max_code(weight, groups)).clamp_min(1e-12)
    codes = (weight / scale[:, None, None, None]).round().to(torch.int8)
    # Scale and zero point of a map. Maps with others work too, but only if the weight was packed for a nonzero one.
    map_scale, map_zero_point = 1.0, 1
    ready = torch.ops.onednn.qconv_prepack(
        codes, scale, map_scale, map_zero_point, stride, padding, dilation, groups, None
    )
    return PackedWeight(ready, scale, torch.zeros(len(scale), dtype=torch.int8))


def convolve(
    image: QuantisedMap,
    weight: PackedWeight,
    bias: Tensor | None,
    geometry: ConvGeometry,
    *,
    scale: float | None,
    activation: tuple[str, list[float]],
) -> Tensor:
    """Convolve a quantised map and apply `activation`, given as oneDNN's name and parameters.

    Returns float32 without `scale`, else uint8 codes with this scale and zero point 0.
    """
    inputs = (image.codes, image.scale, image.zero_point, weight.weight, weight.scale, weight.zero_point, bias)
    output = (1.0, 0, torch.float32) if scale is None else (scale, 0, torch.uint8)
    return torch.ops.onednn.qconv2d_pointwise(*inputs, *geometry, *output, *activation, "")


def _is_available() -> bool:
    """Return whether PyTorch's quantised oneDNN operators exist and give correct results.

    Tries three in a row: dense with float output, depthwise with ReLU6 and quantised output, and 1x1.
    """
    rng = torch.Generator().manual_seed(0)
    first, second, third = (torch.randn(shape, generator=rng) for shape in ((8, 8, 3, 3), (8, 1, 3, 3), (4, 8, 1, 1)))
    kinds: list[ConvGeometry] = [([1, 1], [1, 1], [1, 1], 1), ([2, 2], [1, 1], [1, 1], 8), ([1, 1], [0, 0], [1, 1], 1)]
    image = torch.randn(1, 8, 8, 8, generator=rng)
    linear: tuple[str, list[float]] = ("none", [])
    try:
        with torch.inference_mode():
            weights = [pack_weight(weight, kind) for weight, kind in zip((first, second, third), kinds, strict=True)]
            codes = quantise(image)
            if codes is None:
                return False
            codes = quantise(convolve(codes, weights[0], None, kinds[0], scale=None, activation=linear))
            if codes is None:
                return False
            relu6 = ("hardtanh", [0.0, 6.0])
            depthwise = convolve(codes, weights[1], None, kinds[1], scale=6 / _MAX_CODE, activation=relu6)
            codes = QuantisedMap(depthwise, 6 / _MAX_CODE, 0)
            result = convolve(codes, weights[2], None, kinds[2], scale=None, activation=linear)
    except (AttributeError, RuntimeError, TypeError):  # private operators without a stable interface
        return False
    expected = functional.conv2d(image, first, padding=1)
    expected = functional.conv2d(functional.conv2d(expected, second, None, 2, 1, groups=8).clamp(0, 6), third)
    return depthwise.dtype == torch.uint8 and bool((result - expected).abs().max() < 0.1 * expected.abs().max())


AVAILABLE = torch.backends.mkldnn.is_available() and _is_available()
