"""IdentityBank: AOT's embedding of object masks into identity tokens at stride 16."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

IDENTITIES = 10  # objects per group; the background is one further identity


class IdentityBank(nn.Module):
    """Patch embedding of one-hot masks; with layer norm in DeAOT, with an ignore channel in RMem."""

    def __init__(self, width: int, *, centred: bool, normed: bool, ignores: bool) -> None:
        """Build the embedding; `centred`: patches of 17 pixels centred on every 16th pixel, else blocks of 16."""
        super().__init__()
        channels = IDENTITIES + 1 + ignores
        kernel, padding = (17, 8) if centred else (16, 0)
        self.embed = nn.Conv2d(channels, width, kernel, stride=16, padding=padding)
        self.norm = nn.LayerNorm(width) if normed else None

    def forward(self, masks: Tensor) -> Tensor:
        """Embed masks (O, H, W) 0 or 1, O <= 10 -> (N, width)."""
        background = 1 - masks.sum(0, keepdim=True)
        unused = self.embed.in_channels - 1 - len(masks)
        spread = functional.pad(torch.cat([background, masks]), (0, 0, 0, 0, 0, unused))
        tokens = self.embed(spread[None])[0].flatten(1).T
        return tokens if self.norm is None else self.norm(tokens)
