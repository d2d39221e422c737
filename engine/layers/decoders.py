"""Mask decoders of STM, XMem, QDMN and the AOT family, from stride 16 to stride 4."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from .fusion import GatedUpdate, ResidualBlock


@dataclass(frozen=True)
class Decoded:
    """Output of `UpsamplingDecoder`: mask logits, and the maps that update XMem's sensory memory."""

    maps: dict[int, Tensor]  # stride -> (O, C, H / stride, W / stride)
    logits: Tensor  # (O, 1, H / 4, W / 4)

    def full_size(self) -> Tensor:
        """Return the logits upsampled to full size: (O, H, W)."""
        return functional.interpolate(self.logits, scale_factor=4, mode="bilinear", align_corners=False)[:, 0]


class UpBlock(nn.Module):
    """Decoder block: upsample a map by 2, add the image's skip features, and apply a residual block.

    With `refined`, the skip features pass through a residual block of their own first.
    """

    def __init__(self, skip: int, channels_in: int, channels: int, *, refined: bool) -> None:
        super().__init__()
        self.skip = nn.Conv2d(skip, channels_in, 3, padding=1)
        self.refine = ResidualBlock(channels_in) if refined else None
        self.mix = ResidualBlock(channels_in, channels)

    def forward(self, skip: Tensor, above: Tensor) -> Tensor:
        """Upsample `above` (O, C, h, w) by 2 and add image features `skip` (1, CS, 2h, 2w) -> (O, C', 2h, 2w)."""
        above = functional.interpolate(above, scale_factor=2, mode="bilinear", align_corners=False)
        skip = self.skip(skip)
        return self.mix((skip if self.refine is None else self.refine(skip)) + above)


class UpsamplingDecoder(nn.Module):
    """Decoder of STM and XMem: strides 16 -> 8 -> 4, with skip connections from the image features.

    With `refined`, as in STM and QDMN, these pass through a residual block first.
    """

    def __init__(self, channels: dict[int, int], *, refined: bool = False) -> None:
        super().__init__()
        self.up_8 = UpBlock(channels[8], 512, 256, refined=refined)
        self.up_4 = UpBlock(channels[4], 256, 256, refined=refined)
        self.logit = nn.Conv2d(256, 1, 3, padding=1)

    def forward(self, deep: Tensor, pyramid: dict[int, Tensor]) -> Decoded:
        """Decode fused features `deep` (O, 512, h, w) at stride 16, with the image features in `pyramid` by stride."""
        at_8 = self.up_8(pyramid[8], deep)
        at_4 = self.up_4(pyramid[4], at_8)
        return Decoded({16: deep, 8: at_8, 4: at_4}, self.logit(functional.relu(at_4)))


class SensoryUpdate(nn.Module):
    """Update of XMem's sensory memory from the decoder's maps and logits, all pooled to stride 16."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.from_16 = nn.Conv2d(512, 256, 1)
        self.from_8 = nn.Conv2d(256, 256, 1)
        self.from_4 = nn.Conv2d(257, 256, 1)
        self.update = GatedUpdate(256, channels)

    def forward(self, decoded: Decoded, hidden: Tensor) -> Tensor:
        """Return the sensory memory `hidden` (O, CH, h, w) updated by `decoded`; same shape."""
        at_4 = torch.cat([decoded.maps[4], decoded.logits], 1)
        features = self.from_16(decoded.maps[16])
        features = features + self.from_8(functional.avg_pool2d(decoded.maps[8], 2))
        features = features + self.from_4(functional.avg_pool2d(at_4, 4))
        return self.update(features, hidden)


class ConvNorm(nn.Module):
    """Convolution followed by group norm."""

    def __init__(self, channels_in: int, channels: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, kernel, padding=kernel // 2)
        self.norm = nn.GroupNorm(8, channels)

    def forward(self, image: Tensor) -> Tensor:
        return self.norm(self.conv(image))


class PyramidDecoder(nn.Module):
    """Decoder of the AOT family: strides 16 -> 8 -> 4, with skip connections; gives one logit map per identity."""

    def __init__(self, channels_in: int, channels: dict[int, int], identities: int, *, align_corners: bool) -> None:
        super().__init__()
        self.align_corners = align_corners
        self.enter = ConvNorm(channels_in, 256, 1)
        self.at_16, self.at_8, self.at_4 = ConvNorm(256, 256, 3), ConvNorm(256, 128, 3), ConvNorm(128, 128, 3)
        self.skip_16, self.skip_8 = nn.Conv2d(channels[16], 256, 1), nn.Conv2d(channels[8], 256, 1)
        self.skip_4 = nn.Conv2d(channels[4], 128, 1)
        self.logit = nn.Conv2d(128, identities, 1)

    def forward(self, deep: Tensor, pyramid: dict[int, Tensor]) -> Tensor:
        """Decode tokens as a map `deep` (1, C, h, w) at stride 16 -> logits (identities, H / 4, W / 4)."""
        deep = functional.relu(self.enter(deep))
        deep = functional.relu(self.at_16(self.skip_16(pyramid[16]) + deep))
        deep = functional.relu(self.at_8(self.skip_8(pyramid[8]) + self._resize(deep, pyramid[8])))
        deep = functional.relu(self.at_4(self.skip_4(pyramid[4]) + self._resize(deep, pyramid[4])))
        return self.logit(deep)[0]

    def _resize(self, image: Tensor, like: Tensor) -> Tensor:
        return functional.interpolate(image, size=like.shape[-2:], mode="bilinear", align_corners=self.align_corners)
