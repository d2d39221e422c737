"""The bank of object identities: a label map -> what its identities look like at stride 16 (AOT)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

IDENTITIES = 10  # objects at once; the background is one identity more


class IdentityBank(nn.Module):
    """One convolution over one-hot masks; DeAOT norms what comes out. RMem has one more input, for pixels to ignore."""

    def __init__(self, width: int, *, centred: bool, normed: bool, ignores: bool) -> None:
        """`centred`: cells lie on every 16th pixel from the first; else they are blocks of 16 pixels."""
        super().__init__()
        channels = IDENTITIES + 1 + ignores
        kernel, padding = (17, 8) if centred else (16, 0)
        self.embed = nn.Conv2d(channels, width, kernel, stride=16, padding=padding)
        self.norm = nn.LayerNorm(width) if normed else None

    def forward(self, masks: Tensor) -> Tensor:
        """(O, H, W) 0 or 1, O <= 10 -> (N, width)."""
        background = 1 - masks.sum(0, keepdim=True)
        unused = self.embed.in_channels - 1 - len(masks)
        spread = functional.pad(torch.cat([background, masks]), (0, 0, 0, 0, 0, unused))
        tokens = self.embed(spread[None])[0].flatten(1).T
        return tokens if self.norm is None else self.norm(tokens)
