"""Maps and weights as 8-bit whole numbers, which a processor multiplies faster than floats (oneDNN)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import torch
from torch import Tensor

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
    """Whether this PyTorch has what its own compiler calls, as it is called here, and finds what it should."""
    how: How = [1, 1], [1, 1], [1, 1], 1
    weight = torch.ones(8, 8, 3, 3)
    codes = Codes(torch.full((1, 8, 4, 4), _TOP, dtype=torch.uint8).to(memory_format=torch.channels_last), 0.5, 5)
    try:
        with torch.inference_mode():
            found = convolved(codes, packed(weight, how), None, how, scale=None, then=("none", []))
    except (AttributeError, RuntimeError, TypeError):  # it is promised to nobody
        return False
    return bool(torch.allclose(found[0, :, 1, 1], torch.tensor((_TOP - 5) * 0.5 * 72)))


ABLE = torch.backends.mkldnn.is_available() and _able()
