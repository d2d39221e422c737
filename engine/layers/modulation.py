"""Modulated cross-attention (MCA) of MAVOS: merges the memory of a new frame with the old memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .attention import Grid, attend

_HEADS = 4
_SHARED_HEADS = 2
_LEVELS = (3, 5)  # kernel sizes of the focal context, before the global level
_GATES = len(_LEVELS) + 1  # one for each level


class FocalContext(nn.Module):
    """Focal modulation of the old memory: two local contexts and a global one, each weighted by a gate per cell."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.split = nn.Linear(channels, channels + _GATES)
        self.levels = nn.ModuleList(
            nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False)
            for kernel in _LEVELS
        )
        self.mix = nn.Conv2d(channels, channels, 1)

    def forward(self, old: Tensor, grid: Grid) -> Tensor:
        """Return the sum of the gated contexts of the old tokens (N, C) as a map (C, h, w)."""
        context, gates = self.split(old).T.unflatten(1, grid).split((old.shape[1], _GATES))
        context, total = context[None], 0.0
        for level, gate in zip(self.levels, gates, strict=False):
            context = functional.gelu(level(context))
            total = total + context * gate
        global_context = functional.gelu(context.mean((2, 3), keepdim=True))
        return self.mix(total + global_context * gates[-1])[0]


class ModulatedCrossAttention(nn.Module):
    """MCA of one plane of memory tokens: cross-attention from new tokens to old ones, then an MLP; both residual."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm_new, self.norm_old, self.norm = (nn.LayerNorm(channels) for _ in range(3))
        self.query, self.key = (nn.Linear(channels, channels, bias=False) for _ in range(2))
        self.context = FocalContext(channels)
        self.out = nn.Linear(channels, channels)
        self.widen, self.narrow = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)

    def forward(self, new: Tensor, old: Tensor, grid: Grid) -> Tensor:
        """Merge the tokens of the new frame (N, C) and of the old memory (N, C) -> (N, C)."""
        normed, old = self.norm_new(new), self.norm_old(old)
        # As in the published code, (C, h, w) is reinterpreted as (N, C) without a transpose: the weights expect it.
        value = self.context(old, grid).reshape(new.shape)
        attended = new + self.out(attend(self.query(normed), self.key(old), value, heads=_HEADS))
        return attended + self.narrow(functional.gelu(self.widen(self.norm(attended))))


class SharedKeyCrossAttention(nn.Module):
    """MCA of each object's values with keys that all objects share; before training it returns the new values."""

    def __init__(self, key: int, value: int) -> None:
        super().__init__()
        self.norm_key, self.norm_old, self.norm = nn.LayerNorm(key), nn.LayerNorm(value), nn.LayerNorm(value)
        self.query, self.key = (nn.Linear(key, key, bias=False) for _ in range(2))
        self.context = FocalContext(value)
        self.out = nn.Linear(value, value)
        self.widen, self.narrow = nn.Linear(value, 2 * value), nn.Linear(2 * value, value)
        for last in (self.out, self.narrow):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, new_key: Tensor, new: Tensor, old_key: Tensor, old: Tensor, grid: Grid) -> Tensor:
        """Merge keys (CK, N) and values (O, CV, N) of the new frame and of the old memory -> values (O, CV, N)."""
        query, key = self.query(self.norm_key(new_key.T)), self.key(self.norm_key(old_key.T))
        merged = []
        for new_value, old_value in zip(new, old, strict=True):
            context = self.context(self.norm_old(old_value.T), grid).flatten(1).T  # (N, CV)
            attended = new_value.T + self.out(attend(query, key, context, heads=_SHARED_HEADS))
            merged.append((attended + self.narrow(functional.gelu(self.widen(self.norm(attended))))).T)
        return torch.stack(merged)
