"""Aspp: atrous spatial pyramid pooling, with folded batch norm (DeepLabv3, Chen et al. 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .convolution import Conv

_DILATIONS = (6, 12, 18)
_WIDTH = 256  # channels of each branch


class Aspp(nn.Module):
    """Context at several scales: a 1x1 convolution, dilated 3x3 ones and the mean of the map, merged by another 1x1."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        dilated = (Conv(channels, _WIDTH, 3, dilation=dilation, activation="relu") for dilation in _DILATIONS)
        self.branches = nn.ModuleList([Conv(channels, _WIDTH, 1, activation="relu"), *dilated])
        self.mean = Conv(channels, _WIDTH, 1, activation="relu")
        self.merge = Conv((2 + len(_DILATIONS)) * _WIDTH, channels, 1, activation="relu")

    def forward(self, image: Tensor) -> Tensor:
        """Add context to a map (O, C, h, w); same shape."""
        scales = [branch(image) for branch in self.branches]
        mean = self.mean(image.mean((2, 3), keepdim=True)).expand(-1, -1, *image.shape[-2:])
        return self.merge(torch.cat([*scales, mean], 1))
