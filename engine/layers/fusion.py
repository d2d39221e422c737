"""Convolutional blocks on maps of one size: residual block, CBAM, and XMem's feature fusion and recurrent cell."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .convolution import Conv


class ResidualBlock(nn.Module):
    """Pre-activation residual block of two 3x3 convolutions, with a third on the skip if channels change."""

    def __init__(self, channels_in: int, channels: int | None = None) -> None:
        super().__init__()
        channels = channels or channels_in
        self.first = Conv(channels_in, channels, 3, activation="relu")
        self.second = Conv(channels, channels, 3)
        self.skip = Conv(channels_in, channels, 3) if channels_in != channels else None

    def forward(self, image: Tensor) -> Tensor:
        residual = image if self.skip is None else self.skip(image)
        return self.second(self.first(functional.relu(image)), add=residual)


class SharedConv(nn.Conv2d):
    """3x3 convolution of two concatenated maps: one shared by all objects, and one per object.

    As convolution is linear, the shared map, which has more channels, is convolved only once for all objects.
    """

    def __init__(self, shared: int, per_object: int, channels: int) -> None:
        super().__init__(shared + per_object, channels, 3, padding=1)
        self._widths = (shared, per_object)
        self._halves: tuple[Tensor, Tensor] | None = None

    def forward(self, shared: Tensor, per_object: Tensor) -> Tensor:  # type: ignore[override]  # takes two maps
        """Convolve a shared map (1, CS, h, w) with maps per object (O, CO, h, w) -> (O, C, h, w)."""
        if len(per_object) == 1:
            return super().forward(torch.cat([shared, per_object], 1))
        weight_shared, weight_per_object = self._split_weight()
        return functional.conv2d(per_object, weight_per_object, self.bias, padding=1) + functional.conv2d(
            shared, weight_shared, padding=1
        )

    def _split_weight(self) -> tuple[Tensor, Tensor]:
        """Return the part of the weight for the shared map, and the part for the maps per object."""
        if self.weight.requires_grad:
            return self.weight.split(self._widths, 1)
        if self._halves is None or self._halves[0].device != self.weight.device:
            # A convolution would copy these slices each time that it reads them: copy them once.
            self._halves = tuple(
                half.contiguous(memory_format=torch.channels_last) for half in self.weight.split(self._widths, 1)
            )
        return self._halves


class CBAM(nn.Module):
    """CBAM (Woo et al., ECCV 2018): channel attention from global pooling, then spatial attention."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // 16)
        self.excite = nn.Linear(channels // 16, channels)
        self.place = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, image: Tensor) -> Tensor:
        """Multiply a map (O, C, h, w) by channel attention, then by spatial attention; same shape."""
        pooled = (image.mean((2, 3)), image.amax((2, 3)))
        channels = sum(self.excite(functional.relu(self.squeeze(pool))) for pool in pooled).sigmoid()
        image = image * channels[:, :, None, None]
        pooled_channels = torch.stack([image.amax(1), image.mean(1)], 1)
        return image * self.place(pooled_channels).sigmoid()


class FusionBlock(nn.Module):
    """XMem's feature fusion of a shared map with a map per object: residual block, CBAM, residual block."""

    def __init__(self, shared: int, per_object: int, channels: int, channels_out: int) -> None:
        super().__init__()
        self.first = SharedConv(shared, per_object, channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.skip = SharedConv(shared, per_object, channels)
        self.gate = CBAM(channels)
        self.mix = ResidualBlock(channels, channels_out)

    def forward(self, shared: Tensor, per_object: Tensor) -> Tensor:
        """Fuse a shared map (1, CS, h, w) with maps per object (O, CO, h, w) -> (O, C, h, w)."""
        inner = self.first(functional.relu(shared), functional.relu(per_object))
        fused = self.second(functional.relu(inner)) + self.skip(shared, per_object)
        return self.mix(fused + self.gate(fused))


class GatedUpdate(nn.Module):
    """XMem's recurrent cell: h' = f h (1 - u) + u c; unlike in a GRU, no gate acts on h in the candidate c."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.transform = nn.Conv2d(channels_in + channels, 3 * channels, 3, padding=1)

    def forward(self, features: Tensor, hidden: Tensor) -> Tensor:
        """Return the state `hidden` (O, CH, h, w) updated by `features` (O, C, h, w); same shape."""
        forget, update, candidate = self.transform(torch.cat([features, hidden], 1)).chunk(3, 1)
        update = update.sigmoid()
        return forget.sigmoid() * hidden * (1 - update) + update * candidate.tanh()
