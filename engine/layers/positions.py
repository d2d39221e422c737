"""Position encodings: sine maps over the image (AOT), temporal slots (RMem)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_BASE = 10_000.0


def sine_map(grid: tuple[int, int], channels: int, *, like: Tensor) -> Tensor:
    """Return sine encodings (N, channels): first half rows, second half columns; sine and cosine alternate."""
    half = channels // 2
    pair = torch.arange(half, device=like.device, dtype=torch.float32).div(2, rounding_mode="floor")
    frequency = _BASE ** (2 * pair / half)

    def along(length: int) -> Tensor:
        place = torch.arange(length, device=like.device, dtype=torch.float32) / (length - 1 + 1e-6) * 2 * math.pi
        angle = place[:, None] / frequency
        return torch.stack([angle[:, 0::2].sin(), angle[:, 1::2].cos()], 2).flatten(1)  # (length, half)

    rows, columns = along(grid[0]), along(grid[1])
    rows = rows[:, None].expand(*grid, half)
    return torch.cat([rows, columns[None].expand(*grid, half)], 2).flatten(0, 1)


def slots(count: int, slots_there: int) -> list[int]:
    """Assign a temporal slot to each of `count` entries, oldest first; excess entries share slots with neighbours."""
    if count <= slots_there:
        return list(range(count))
    return [slots_there - 1 - (count - 1 - index) * slots_there // count for index in range(count)]
