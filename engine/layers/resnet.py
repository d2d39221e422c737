"""ResNet-18 and ResNet-50 pyramids to stride 16, with folded batch norm (He et al. 2016)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn
from torch.nn import functional

from .convolution import Conv

_WIDTHS = (64, 128, 256)  # of the stages at strides 4, 8 and 16


class Bottleneck(nn.Module):
    """Bottleneck block: 1x1, 3x3 (strided), 1x1 convolutions and a residual connection."""

    widening = 4

    def __init__(self, channels_in: int, width: int, *, stride: int) -> None:
        super().__init__()
        channels = width * self.widening
        self.reduce = Conv(channels_in, width, 1, then="relu")
        self.middle = Conv(width, width, 3, stride=stride, then="relu")
        self.expand = Conv(width, channels, 1, then="relu")
        self.shortcut = Conv(channels_in, channels, 1, stride=stride) if channels_in != channels or stride > 1 else None

    def forward(self, image: Tensor) -> Tensor:
        kept = image if self.shortcut is None else self.shortcut(image)
        return self.expand(self.middle(self.reduce(image)), add=kept)


class Basic(nn.Module):
    """Basic block: two 3x3 convolutions, the first strided, and a residual connection."""

    widening = 1

    def __init__(self, channels_in: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.first = Conv(channels_in, width, 3, stride=stride, then="relu")
        self.second = Conv(width, width, 3, then="relu")
        self.shortcut = Conv(channels_in, width, 1, stride=stride) if channels_in != width or stride > 1 else None

    def forward(self, image: Tensor) -> Tensor:
        kept = image if self.shortcut is None else self.shortcut(image)
        return self.second(self.first(image), add=kept)


class ResNet(nn.Module):
    """ResNet stem and first three stages; output {4, 8, 16} -> (B, C, H / stride, W / stride)."""

    def __init__(self, block: Callable[..., nn.Module], counts: Sequence[int], *, channels_in: int = 3) -> None:
        super().__init__()
        self.stem = Conv(channels_in, 64, 7, stride=2, then="relu")
        stages, channels = [], 64
        for width, count in zip(_WIDTHS, counts, strict=True):
            blocks = []
            for index in range(count):
                stride = 2 if index == 0 and stages else 1
                blocks.append(block(channels, width, stride=stride))
                channels = width * block.widening
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)
        self.channels = {4 * 2**index: width * block.widening for index, width in enumerate(_WIDTHS)}

    def forward(self, image: Tensor) -> dict[int, Tensor]:
        """Encode normalised (B, C, H, W) with C = `channels_in`, sides multiples of 16."""
        image = functional.max_pool2d(self.stem(image), 3, 2, padding=1)
        pyramid = {}
        for stride, stage in zip(self.channels, self.stages, strict=True):
            pyramid[stride] = image = stage(image)
        return pyramid


def resnet50() -> ResNet:
    """Build ResNet-50 without its last stage."""
    return ResNet(Bottleneck, (3, 4, 6))


def resnet18(*, channels_in: int) -> ResNet:
    """Build ResNet-18 without its last stage."""
    return ResNet(Basic, (2, 2, 2), channels_in=channels_in)
