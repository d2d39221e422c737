"""IdentityBank: AOT's embedding of object masks as identity tokens at stride 16."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

IDENTITIES = 10  # objects in one group; the background is one more identity


class IdentityBank(nn.Module):
    """AOT's identity assignment (NeurIPS 2021): embeds one-hot masks of objects as tokens, patch by patch."""

    def __init__(self, width: int, *, centred: bool, normed: bool, ignores: bool) -> None:
        """Build the embedding at stride 16, from 17 x 17 patches that are `centred` on pixels, or from 16 x 16 blocks.

        `normed` adds a layer norm (DeAOT); `ignores` adds an input channel for ignored pixels, which is always 0 here
        (RMem).
        """
        super().__init__()
        channels = IDENTITIES + 1 + ignores
        kernel, padding = (17, 8) if centred else (16, 0)
        self.embed = nn.Conv2d(channels, width, kernel, stride=16, padding=padding)
        self.norm = nn.LayerNorm(width) if normed else None

    def forward(self, masks: Tensor) -> Tensor:
        """Embed one-hot masks (O, H, W), with at most 10 objects, as identity tokens (N, width)."""
        background = 1 - masks.sum(0, keepdim=True)
        unused = self.embed.in_channels - 1 - len(masks)
        one_hot = functional.pad(torch.cat([background, masks]), (0, 0, 0, 0, 0, unused))
        tokens = self.embed(one_hot[None])[0].flatten(1).T
        return tokens if self.norm is None else self.norm(tokens)
