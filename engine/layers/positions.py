"""Position encodings: sine maps over the image (AOT), temporal slots (RMem)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_BASE = 10_000.0


def sine_map(grid: tuple[int, int], channels: int, *, like: Tensor) -> Tensor:
    """Compute sine position encodings (N, channels) of an (h, w) grid, on the device of `like`.

    The first half of the channels encodes the row, the second half the column; sine and cosine alternate.
    """
    half = channels // 2
    pair = torch.arange(half, device=like.device, dtype=torch.float32).div(2, rounding_mode="floor")
    frequency = _BASE ** (2 * pair / half)

    def encode_axis(length: int) -> Tensor:
        position = torch.arange(length, device=like.device, dtype=torch.float32) / (length - 1 + 1e-6) * 2 * math.pi
        angle = position[:, None] / frequency
        return torch.stack([angle[:, 0::2].sin(), angle[:, 1::2].cos()], 2).flatten(1)  # (length, half)

    rows, columns = encode_axis(grid[0]), encode_axis(grid[1])
    rows = rows[:, None].expand(*grid, half)
    return torch.cat([rows, columns[None].expand(*grid, half)], 2).flatten(0, 1)


def assign_slots(entries: int, slots: int) -> list[int]:
    """Return the temporal slot of each memory entry, oldest first; neighbours share slots if there are too few."""
    if entries <= slots:
        return list(range(entries))
    return [slots - 1 - (entries - 1 - index) * slots // entries for index in range(entries)]
