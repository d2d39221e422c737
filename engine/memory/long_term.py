"""LongTerm: prototypes distilled from evicted entries, with the least used tokens dropped (XMem)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from .entry import Entry
from .stores import ListStore

Distil = Callable[[Sequence[Entry], int], Entry]  # (entries, number of prototypes) -> one entry


class LongTerm(ListStore):
    """XMem's long-term memory (ECCV 2022, section 3.3): each evicted batch is distilled into `prototypes` tokens.

    Before a batch is added, the least used tokens above `max_tokens` - `prototypes` are dropped, ties included. Without
    `counting`, usage is not tracked and the oldest tokens are dropped instead.
    """

    def __init__(self, distil: Distil, *, prototypes: int, max_tokens: int, counting: bool) -> None:
        super().__init__()
        self._distil = distil
        self._prototypes = prototypes
        self._max_tokens = max_tokens
        self._counting = counting

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        if entries:
            self._make_room()
            self._kept.append(self._distil(entries, self._prototypes))
        return []

    def _make_room(self) -> None:
        sizes = [len(entry) for entry in self._kept]
        excess = sum(sizes) - (self._max_tokens - self._prototypes)
        if excess <= 0:
            return
        like = self._kept[0].layers[0]["key"]
        if self._counting:
            rate = torch.cat([e.usage.rate(size, like=like) for e, size in zip(self._kept, sizes, strict=True)])
            keep = rate > rate.kthvalue(excess).values
        else:
            keep = torch.arange(sum(sizes), device=like.device) >= excess
        kept = [entry.select_tokens(part) for entry, part in zip(self._kept, keep.split(sizes), strict=True)]
        self._kept = [entry for entry in kept if len(entry)]
