"""ResNet-18 and ResNet-50 pyramids to stride 16, with folded batch norm (He et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from .backbones import PyramidEncoder
from .convolution import Conv

_WIDTHS = (64, 128, 256)  # of the stages at strides 4, 8 and 16


class Bottleneck(nn.Module):
    """Bottleneck block: 1x1, 3x3 (strided) and 1x1 convolutions with a residual connection."""

    expansion = 4

    def __init__(self, channels_in: int, width: int, *, stride: int) -> None:
        super().__init__()
        channels = width * self.expansion
        self.reduce = Conv(channels_in, width, 1, activation="relu")
        self.middle = Conv(width, width, 3, stride=stride, activation="relu")
        self.expand = Conv(width, channels, 1, activation="relu")
        self.shortcut = Conv(channels_in, channels, 1, stride=stride) if channels_in != channels or stride > 1 else None

    def forward(self, image: Tensor) -> Tensor:
        residual = image if self.shortcut is None else self.shortcut(image)
        return self.expand(self.middle(self.reduce(image)), add=residual)


class BasicBlock(nn.Module):
    """Basic block: two 3x3 convolutions, the first strided, with a residual connection."""

    expansion = 1

    def __init__(self, channels_in: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.first = Conv(channels_in, width, 3, stride=stride, activation="relu")
        self.second = Conv(width, width, 3, activation="relu")
        self.shortcut = Conv(channels_in, width, 1, stride=stride) if channels_in != width or stride > 1 else None

    def forward(self, image: Tensor) -> Tensor:
        residual = image if self.shortcut is None else self.shortcut(image)
        return self.second(self.first(image), add=residual)


class ResNet(PyramidEncoder):
    """Stem and first three stages of a ResNet: maps at strides 4, 8 and 16."""

    def __init__(self, block: type[Bottleneck | BasicBlock], counts: Sequence[int], *, channels_in: int = 3) -> None:
        super().__init__()
        self.stem = Conv(channels_in, 64, 7, stride=2, activation="relu")
        stages: list[nn.Module] = []
        channels = 64
        for width, count in zip(_WIDTHS, counts, strict=True):
            blocks: list[nn.Module] = []
            for index in range(count):
                stride = 2 if index == 0 and stages else 1
                blocks.append(block(channels, width, stride=stride))
                channels = width * block.expansion
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)
        self.channels = {4 * 2**index: width * block.expansion for index, width in enumerate(_WIDTHS)}

    def forward(self, image: Tensor) -> dict[int, Tensor]:
        """Encode normalised images (B, C, H, W), sides multiples of 16 -> {stride: (B, C', H / stride, W / stride)}."""
        image = functional.max_pool2d(self.stem(image), 3, 2, padding=1)
        pyramid = {}
        for stride, stage in zip(self.channels, self.stages, strict=True):
            pyramid[stride] = image = stage(image)
        return pyramid


def resnet50(*, channels_in: int = 3) -> ResNet:
    """Build a ResNet-50 without its last stage, for images of `channels_in` channels."""
    return ResNet(Bottleneck, (3, 4, 6), channels_in=channels_in)


def resnet18(*, channels_in: int) -> ResNet:
    """Build a ResNet-18 without its last stage, for images of `channels_in` channels."""
    return ResNet(BasicBlock, (2, 2, 2), channels_in=channels_in)
