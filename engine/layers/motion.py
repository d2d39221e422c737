"""The previous frame's masks moved along with their places: each place looks for where it came from, nearby."""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor, nn
from torch.nn import functional

from .convolution import Conv

STRIDE = 8  # at which places are compared
FINE = 4  # masks are brought along at STRIDE / FINE, as FINE^2 channels
_RADIUS = 3  # cells that a place may have come from, in each direction
_OUTSIDE = -1e4  # likeness of what lies outside the picture


def fine_masks(masks: Tensor) -> Tensor:
    """Masks (O, H, W) -> (O, FINE^2, H / STRIDE, W / STRIDE), what `SoftWarp` moves."""
    return functional.pixel_unshuffle(functional.avg_pool2d(masks[:, None], STRIDE // FINE), FINE)


class SoftWarp(nn.Module):
    """A learned flow, as a softmax over the places around."""

    def __init__(self, channels: int, compared: int) -> None:
        super().__init__()
        self.look = Conv(channels, compared, 1)
        nn.init.orthogonal_(self.look.weight.data.flatten(1))
        self.log_sharpness = nn.Parameter(torch.tensor(2.7))  # of cosines: e^2.7 = 15

    def describe(self, features: Tensor) -> Tensor:
        """(B, C, h, w) -> what places are compared by, of unit length: (B, C', h, w)."""
        return functional.normalize(self.look(features), dim=1)

    def forward(self, now: Tensor, before: Tensor, masks: Tensor) -> Tensor:
        """Descriptions (C, h, w) of both frames, the previous one's masks (O, P, h, w) -> (O, P, h, w)."""
        h, w = now.shape[-2:]
        ring = (_RADIUS,) * 4
        inside = functional.pad(torch.ones_like(now[0]), ring)
        before, padded = functional.pad(before, ring), functional.pad(masks, ring)
        places = list(product(range(2 * _RADIUS + 1), repeat=2))
        now = now * self.log_sharpness.exp()
        likeness = torch.stack([(now * before[:, y : y + h, x : x + w]).sum(0) for y, x in places])
        outside = torch.stack([inside[y : y + h, x : x + w] for y, x in places]) == 0
        weights = likeness.masked_fill(outside, _OUTSIDE).softmax(0)  # (places, h, w)
        moved = torch.zeros_like(masks)
        for weight, (y, x) in zip(weights, places, strict=True):
            moved = moved + weight * padded[:, :, y : y + h, x : x + w]
        return moved
