"""Tokens: named planes (keys, shrinkage, values) that share one token axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

PER_OBJECT = "value"  # name of the plane with one row per object, (O, CV, N)


@dataclass(frozen=True)
class Tokens:
    """N memory tokens as named planes (..., N), such as `key` (CK, N), `shrinkage` (1, N), `value` (O, CV, N)."""

    planes: dict[str, Tensor]

    def __getitem__(self, name: str) -> Tensor:
        return self.planes[name]

    def __len__(self) -> int:
        return next(iter(self.planes.values())).shape[-1]


def concatenate(groups: Sequence[Tokens]) -> Tokens:
    """Concatenate groups of tokens in order; an optional tensor is left out if the first group lacks it."""
    if len(groups) == 1:
        return groups[0]
    return Tokens({name: torch.cat([group[name] for group in groups], dim=-1) for name in groups[0].planes})
