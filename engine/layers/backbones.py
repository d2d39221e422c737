"""Feature pyramids: image encoders that tell their channels at strides 4, 8, 16 and 32."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

# EfficientNet-Lite0 (Tan & Le 2019, "lite" variant without squeeze-and-excitation), one row per block:
# expansion, kernel, stride, channels out.
_LITE0 = (
    (1, 3, 1, 16),
    (6, 3, 2, 24), (6, 3, 1, 24),
    (6, 5, 2, 40), (6, 5, 1, 40),
    (6, 3, 2, 80), (6, 3, 1, 80), (6, 3, 1, 80),
    (6, 5, 1, 112), (6, 5, 1, 112), (6, 5, 1, 112),
    (6, 5, 2, 192), (6, 5, 1, 192), (6, 5, 1, 192), (6, 5, 1, 192),
    (6, 3, 1, 320),
)  # fmt: skip
_LITE0_TAPS = {2: 4, 4: 8, 10: 16, 15: 32}  # last block of each stride -> stride


class SameConv(nn.Conv2d):
    """Convolution padded so that the output has ceil(size / stride) cells; the odd pixel goes right and below.

    The weights of EfficientNet-Lite were trained with this padding.
    """

    def forward(self, image: Tensor) -> Tensor:
        stride, kernel = self.stride[0], self.kernel_size[0]
        if stride == 1:
            return functional.conv2d(image, self.weight, self.bias, 1, kernel // 2, 1, self.groups)
        bottom, right = (max((-(-size // stride) - 1) * stride + kernel - size, 0) for size in image.shape[-2:])
        padded = functional.pad(image, (right // 2, right - right // 2, bottom // 2, bottom - bottom // 2))
        return functional.conv2d(padded, self.weight, self.bias, stride, 0, 1, self.groups)


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; batch norm is folded into the convolutions' weights and biases."""

    def __init__(self, channels_in: int, channels: int, depthwise: nn.Conv2d) -> None:
        """`depthwise` filters the expanded channels; as many as come in: nothing is expanded."""
        super().__init__()
        width = depthwise.in_channels
        self.expand = nn.Conv2d(channels_in, width, 1) if width > channels_in else None
        self.depthwise = depthwise
        self.project = nn.Conv2d(width, channels, 1)
        self.keeps_shape = depthwise.stride == (1, 1) and channels_in == channels

    def forward(self, image: Tensor) -> Tensor:
        inner = image if self.expand is None else functional.relu6(self.expand(image))
        out = self.project(functional.relu6(self.depthwise(inner)))
        return out + image if self.keeps_shape else out


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 without its classifier, as a pyramid of linear bottlenecks."""

    channels = {4: 24, 8: 40, 16: 112, 32: 320}

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv(3, 32, 3, 2)
        blocks, channels_in = [], 32
        for expansion, kernel, stride, channels in _LITE0:
            width = channels_in * expansion
            depthwise = SameConv(width, width, kernel, stride, groups=width)
            blocks.append(InvertedResidual(channels_in, channels, depthwise))
            channels_in = channels
        self.blocks = nn.ModuleList(blocks)

    @staticmethod
    def normalise(image: Tensor) -> Tensor:
        """(B, 3, H, W) RGB in 0..1 -> what the weights were trained on: (x - 127) / 128 on 0..255."""
        return (image * 255 - 127) / 128

    def forward(self, image: Tensor) -> dict[int, Tensor]:
        """(B, 3, H, W) normalised, sides multiples of 32 -> {stride: (B, C, H / stride, W / stride)}."""
        pyramid = {}
        image = functional.relu6(self.stem(image))
        for index, block in enumerate(self.blocks):
            image = block(image)
            if index in _LITE0_TAPS:
                pyramid[_LITE0_TAPS[index]] = image
        return pyramid

    def parts_before(self, stride: int) -> list[nn.Module]:
        """The stem and every block up to the tap at `stride`: what training may freeze."""
        last = next(index for index, tap in _LITE0_TAPS.items() if tap == stride)
        return [self.stem, *self.blocks[: last + 1]]


def folded_lite0(published: dict[str, Tensor], *, epsilon: float = 1e-3) -> dict[str, Tensor]:
    """State of `EfficientNetLite0` from published tensors (`_conv_stem`, `_blocks.N._expand_conv`, ...).

    Batch norm (scale g, shift b, mean m, variance v) folds into its convolution: w' = w g / sqrt(v + epsilon),
    bias = b - m g / sqrt(v + epsilon).
    """
    state: dict[str, Tensor] = {}

    def fold(ours: str, convolution: str, norm: str) -> None:
        gain = published[f"{norm}.weight"] / torch.sqrt(published[f"{norm}.running_var"] + epsilon)
        state[f"{ours}.weight"] = published[f"{convolution}.weight"] * gain[:, None, None, None]
        state[f"{ours}.bias"] = published[f"{norm}.bias"] - published[f"{norm}.running_mean"] * gain

    fold("stem", "_conv_stem", "_bn0")
    for index, (expansion, *_) in enumerate(_LITE0):
        ours, theirs = f"blocks.{index}", f"_blocks.{index}"
        if expansion > 1:
            fold(f"{ours}.expand", f"{theirs}._expand_conv", f"{theirs}._bn0")
        fold(f"{ours}.depthwise", f"{theirs}._depthwise_conv", f"{theirs}._bn1")
        fold(f"{ours}.project", f"{theirs}._project_conv", f"{theirs}._bn2")
    return state
