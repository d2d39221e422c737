"""Convolutional blocks that fuse maps of one size: residual, CBAM gate, XMem fusion, GRU."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .convolution import Conv


class ResidualBlock(nn.Module):
    """Pre-activation residual block of two 3x3 convolutions; a third on the skip if channels change."""

    def __init__(self, channels_in: int, channels: int | None = None) -> None:
        super().__init__()
        channels = channels or channels_in
        self.first = Conv(channels_in, channels, 3, then="relu")
        self.second = Conv(channels, channels, 3)
        self.skip = Conv(channels_in, channels, 3) if channels_in != channels else None

    def forward(self, image: Tensor) -> Tensor:
        kept = image if self.skip is None else self.skip(image)
        return self.second(self.first(functional.relu(image)), add=kept)


class SharedConv(nn.Conv2d):
    """3x3 convolution over the concatenation of a map shared by all objects and a map per object.

    By linearity, the shared map, the wider of the two, is convolved once for any number of objects.
    """

    def __init__(self, shared: int, own: int, channels: int) -> None:
        super().__init__(shared + own, channels, 3, padding=1)
        self._widths = (shared, own)
        self._halves: tuple[Tensor, Tensor] | None = None

    def forward(self, shared: Tensor, own: Tensor) -> Tensor:
        """Convolve (1, CS, h, w), (O, CO, h, w) -> (O, C, h, w)."""
        if len(own) == 1:
            return super().forward(torch.cat([shared, own], 1))
        over_shared, over_own = self._split()
        return functional.conv2d(own, over_own, self.bias, padding=1) + functional.conv2d(
            shared, over_shared, padding=1
        )

    def _split(self) -> tuple[Tensor, Tensor]:
        if self.weight.requires_grad:
            return self.weight.split(self._widths, 1)
        if self._halves is None or self._halves[0].device != self.weight.device:
            # Every convolution copies a slice that it reads: copy once and cache.
            self._halves = tuple(
                half.contiguous(memory_format=torch.channels_last) for half in self.weight.split(self._widths, 1)
            )
        return self._halves


class ChannelAndSpaceGate(nn.Module):
    """CBAM (Woo et al., ECCV 2018): channel attention from global pooling, then spatial attention."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // 16)
        self.excite = nn.Linear(channels // 16, channels)
        self.place = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, image: Tensor) -> Tensor:
        """Weight (O, C, h, w) by channel and position; same shape."""
        pooled = (image.mean((2, 3)), image.amax((2, 3)))
        channels = sum(self.excite(functional.relu(self.squeeze(pool))) for pool in pooled).sigmoid()
        image = image * channels[:, :, None, None]
        places = torch.stack([image.amax(1), image.mean(1)], 1)
        return image * self.place(places).sigmoid()


class FusionBlock(nn.Module):
    """XMem's feature fusion of a map shared by all objects with a map per object: residual, CBAM, residual."""

    def __init__(self, shared: int, own: int, channels: int, channels_out: int) -> None:
        super().__init__()
        self.first = SharedConv(shared, own, channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.skip = SharedConv(shared, own, channels)
        self.gate = ChannelAndSpaceGate(channels)
        self.mix = ResidualBlock(channels, channels_out)

    def forward(self, shared: Tensor, own: Tensor) -> Tensor:
        """Fuse (1, CS, h, w), (O, CO, h, w) -> (O, C, h, w)."""
        inner = self.first(functional.relu(shared), functional.relu(own))
        fused = self.second(functional.relu(inner)) + self.skip(shared, own)
        return self.mix(fused + self.gate(fused))


class GatedUpdate(nn.Module):
    """XMem's recurrent cell: h' = f h (1 - u) + u c; unlike in a GRU, the candidate c reads h ungated."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.transform = nn.Conv2d(channels_in + channels, 3 * channels, 3, padding=1)

    def forward(self, seen: Tensor, hidden: Tensor) -> Tensor:
        """Update `hidden` (O, CH, h, w) with `seen` (O, C, h, w) -> (O, CH, h, w)."""
        forget, update, candidate = self.transform(torch.cat([seen, hidden], 1)).chunk(3, 1)
        update = update.sigmoid()
        return forget.sigmoid() * hidden * (1 - update) + update * candidate.tanh()
