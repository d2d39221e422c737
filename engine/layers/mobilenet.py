"""MobileNetV2 as a feature pyramid to stride 16, with folded batch norm (Sandler et al. 2018)."""

from __future__ import annotations

from torch import Tensor, nn

from .backbones import InvertedResidual, PyramidEncoder
from .convolution import Conv

# One row per block: expansion, channels out, stride, dilation. The last stage dilates instead of striding.
BLOCKS = (
    (1, 16, 1, 1),
    (6, 24, 2, 1), (6, 24, 1, 1),
    (6, 32, 2, 1), (6, 32, 1, 1), (6, 32, 1, 1),
    (6, 64, 2, 1), (6, 64, 1, 1), (6, 64, 1, 1), (6, 64, 1, 1),
    (6, 96, 1, 1), (6, 96, 1, 1), (6, 96, 1, 1),
    (6, 160, 1, 1), (6, 160, 1, 2), (6, 160, 1, 2),
    (6, 320, 1, 2),
)  # fmt: skip
_TAPS = {2: 4, 5: 8, 12: 16}  # index of the last block of a stride -> stride


class MobileNetV2(PyramidEncoder):
    """MobileNetV2 without its classifier; the map at key 0 is the 1280-channel output of its head, at stride 16."""

    channels = {4: 24, 8: 32, 16: 96, 0: 1280}

    def __init__(self) -> None:
        super().__init__()
        self.stem = Conv(3, 32, 3, stride=2, activation="relu6")
        blocks, channels_in = [], 32
        for expansion, channels, stride, dilation in BLOCKS:
            width = channels_in * expansion
            depthwise = Conv(width, width, 3, stride=stride, dilation=dilation, groups=width, activation="relu6")
            blocks.append(InvertedResidual(channels_in, channels, depthwise))
            channels_in = channels
        self.blocks = nn.ModuleList(blocks)
        self.head = Conv(channels_in, self.channels[0], 1, activation="relu6")

    def forward(self, image: Tensor) -> dict[int, Tensor]:
        """Encode a normalised image (B, 3, H, W) -> {stride: (B, C, H / stride, W / stride), 0: map of the head}."""
        pyramid = {}
        image = self.stem(image)
        for index, block in enumerate(self.blocks):
            image = block(image)
            if index in _TAPS:
                pyramid[_TAPS[index]] = image
        pyramid[0] = self.head(image)
        return pyramid
