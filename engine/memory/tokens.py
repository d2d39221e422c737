"""Tokens: named planes (keys, shrinkage, values) that share one token axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

PER_OBJECT = "value"  # name of the plane with one row per object, (O, CV, N)


@dataclass(frozen=True)
class Tokens:
    """Planes (..., N) of the same N, such as `key` (CK, N), `shrinkage` (1, N), `value` (O, CV, N)."""

    planes: dict[str, Tensor]

    def __getitem__(self, name: str) -> Tensor:
        return self.planes[name]

    def __len__(self) -> int:
        return next(iter(self.planes.values())).shape[-1]


def joined(groups: Sequence[Tokens]) -> Tokens:
    """Concatenate groups along the token axis, in order; only the planes of the first group are kept."""
    if len(groups) == 1:
        return groups[0]
    return Tokens({name: torch.cat([part[name] for part in groups], dim=-1) for name in groups[0].planes})
