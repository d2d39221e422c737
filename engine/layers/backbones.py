"""EfficientNet-Lite0 as a feature pyramid of strides 2 to 32, and the base class of all encoders."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .convolution import Conv
from .quantised import QuantisedMap, to_codes

# EfficientNet-Lite0 (Tan & Le 2019, "lite" variant without squeeze-and-excitation), one row per block:
# expansion, kernel, stride, channels out. Two of the four equal blocks at stride 32 are left out: they improve no mask.
_LITE0 = (
    (1, 3, 1, 16),
    (6, 3, 2, 24), (6, 3, 1, 24),
    (6, 5, 2, 40), (6, 5, 1, 40),
    (6, 3, 2, 80), (6, 3, 1, 80), (6, 3, 1, 80),
    (6, 5, 1, 112), (6, 5, 1, 112), (6, 5, 1, 112),
    (6, 5, 2, 192), (6, 5, 1, 192),
    (6, 3, 1, 320),
)  # fmt: skip
_LITE0_TAPS = {0: 2, 2: 4, 4: 8, 10: 16, 13: 32}  # index of the last block of a stride -> stride
_PUBLISHED = (*range(13), 15)  # index of each block in the published network


class PyramidEncoder(nn.Module):
    """Base class of encoders: `forward` takes images (B, C, H, W) and returns maps by stride."""

    channels: dict[int, int]  # stride -> channels of its map


class InvertedResidual(nn.Module):
    """MBConv block: 1x1 expansion, depthwise convolution, 1x1 projection; batch norm is folded into each."""

    def __init__(self, channels_in: int, channels: int, depthwise: Conv) -> None:
        """Build a block around `depthwise`; the expansion is left out if it would not add channels."""
        super().__init__()
        width = depthwise.in_channels
        self.expand = Conv(channels_in, width, 1, activation="relu6") if width > channels_in else None
        self.depthwise = depthwise
        self.project = Conv(width, channels, 1)
        self.keeps_shape = depthwise.stride == (1, 1) and channels_in == channels

    def forward(self, image: Tensor) -> Tensor:
        inner = image if self.expand is None else self.expand(image, keep_quantised=True)
        return self.project(self.depthwise(inner, keep_quantised=True), add=image if self.keeps_shape else None)


class EfficientNetLite0(PyramidEncoder):
    """EfficientNet-Lite0 without its head and two of its 192-channel blocks; maps are outputs of linear bottlenecks."""

    channels = {2: 16, 4: 24, 8: 40, 16: 112, 32: 320}

    def __init__(self) -> None:
        super().__init__()
        self.stem = Conv(3, 32, 3, stride=2, activation="relu6", tf_same=True)
        blocks, channels_in = [], 32
        for expansion, kernel, stride, channels in _LITE0:
            width = channels_in * expansion
            depthwise = Conv(width, width, kernel, stride=stride, groups=width, activation="relu6", tf_same=True)
            blocks.append(InvertedResidual(channels_in, channels, depthwise))
            channels_in = channels
        self.blocks = nn.ModuleList(blocks)

    def forward(self, image: Tensor) -> dict[int, Tensor]:
        """Encode (B, 3, H, W) RGB 0..1, sides multiples of 32 -> {stride: (B, C, H / stride, W / stride)}.

        The published weights expect (x - 127) / 128 for x in 0..255.
        """
        normalised: Tensor | QuantisedMap
        if self.stem.runs_quantised(image):
            normalised = QuantisedMap(to_codes(image, 1 / 255, 0), 1 / 128, 127)
        else:
            normalised = (image * 255 - 127) / 128
        pyramid = {}
        image = self.stem(normalised, keep_quantised=True)
        for index, block in enumerate(self.blocks):
            image = block(image)
            if index in _LITE0_TAPS:
                pyramid[_LITE0_TAPS[index]] = image
        return pyramid

    def modules_up_to(self, stride: int) -> list[nn.Module]:
        """Return the stem and all blocks that compute the map at `stride`; training freezes them."""
        last = next(index for index, tap in _LITE0_TAPS.items() if tap == stride)
        return [self.stem, *self.blocks[: last + 1]]


def convert_lite0(published: dict[str, Tensor], *, epsilon: float = 1e-3) -> dict[str, Tensor]:
    """Convert published weights (`_conv_stem`, `_blocks.N._expand_conv`, ...) to the names of `EfficientNetLite0`.

    Batch norm (scale g, shift b, mean m, variance v) is folded into its convolution: w' = w g / sqrt(v + epsilon), bias
    = b - m g / sqrt(v + epsilon).
    """
    state: dict[str, Tensor] = {}

    def fold(name: str, convolution: str, norm: str) -> None:
        gain = published[f"{norm}.weight"] / torch.sqrt(published[f"{norm}.running_var"] + epsilon)
        state[f"{name}.weight"] = published[f"{convolution}.weight"] * gain[:, None, None, None]
        state[f"{name}.bias"] = published[f"{norm}.bias"] - published[f"{norm}.running_mean"] * gain

    fold("stem", "_conv_stem", "_bn0")
    for index, (number, (expansion, *_)) in enumerate(zip(_PUBLISHED, _LITE0, strict=True)):
        block, source = f"blocks.{index}", f"_blocks.{number}"
        if expansion > 1:
            fold(f"{block}.expand", f"{source}._expand_conv", f"{source}._bn0")
        fold(f"{block}.depthwise", f"{source}._depthwise_conv", f"{source}._bn1")
        fold(f"{block}.project", f"{source}._project_conv", f"{source}._bn2")
    return state
