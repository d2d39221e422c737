"""Tokens: named planes (keys, shrinkage, values) that share one token axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

VALUE = "value"  # name of the plane of values, (O, CV, N)
OBJECT_KEY = "object_key"  # name of the plane of keys, (O, CK, N), in networks whose objects have keys of their own
PER_OBJECT = (VALUE, OBJECT_KEY)  # names of the planes with one row per object


@dataclass(frozen=True)
class Tokens:
    """N memory tokens as named planes (..., N), such as `key` (CK, N), `shrinkage` (1, N), `value` (O, CV, N)."""

    planes: dict[str, Tensor]

    def __getitem__(self, name: str) -> Tensor:
        return self.planes[name]

    def __len__(self) -> int:
        return next(iter(self.planes.values())).shape[-1]

    def select_rows(self, rows: list[int]) -> Tokens:
        """Return the tokens with only these rows of the planes that have one per object; all if they are `rows`."""
        return Tokens(
            {
                name: plane[rows] if name in PER_OBJECT and rows != list(range(len(plane))) else plane
                for name, plane in self.planes.items()
            }
        )


def concatenate(groups: Sequence[Tokens]) -> Tokens:
    """Concatenate groups of tokens in order; an optional tensor is left out if the first group lacks it."""
    if len(groups) == 1:
        return groups[0]
    return Tokens({name: torch.cat([group[name] for group in groups], dim=-1) for name in groups[0].planes})
