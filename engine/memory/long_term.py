"""LongTerm: prototypes distilled from what the store above let go; the least used tokens are forgotten."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from .entry import Entry
from .stores import Keeping

Distil = Callable[[Sequence[Entry], int], Entry]  # entries let go, number of prototypes -> one entry of so many tokens


class LongTerm(Keeping):
    """XMem's long-term memory (ECCV 2022, section 3.3): each batch becomes `prototypes` tokens.

    Room for a batch is made first: of more than `most` - `prototypes` tokens the least used ones go, and every other
    with the same use. With `counting` off nothing is known of their use, and the oldest go.
    """

    def __init__(self, distil: Distil, *, prototypes: int, most: int, counting: bool) -> None:
        super().__init__()
        self._distil = distil
        self._prototypes = prototypes
        self._most = most
        self._counting = counting

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        if entries:
            self._make_room()
            self._kept.append(self._distil(entries, self._prototypes))
        return []

    def _make_room(self) -> None:
        sizes = [len(entry) for entry in self._kept]
        excess = sum(sizes) - (self._most - self._prototypes)
        if excess <= 0:
            return
        like = self._kept[0].layers[0]["key"]
        if self._counting:
            rate = torch.cat([e.usage.rate(size, like=like) for e, size in zip(self._kept, sizes, strict=True)])
            keep = rate > rate.kthvalue(excess).values
        else:
            keep = torch.arange(sum(sizes), device=like.device) >= excess
        kept = [entry.only(part) for entry, part in zip(self._kept, keep.split(sizes), strict=True)]
        self._kept = [entry for entry in kept if len(entry)]
