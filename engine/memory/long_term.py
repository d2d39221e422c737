"""LongTerm: prototypes distilled from evicted entries, with the least used tokens dropped (XMem)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from .entry import Entry
from .stores import ListStore

Distil = Callable[[Sequence[Entry], int], Entry]  # (entries, number of prototypes) -> one entry


class LongTerm(ListStore):
    """XMem's long-term memory (ECCV 2022, section 3.3): each offered batch is distilled into `prototypes` tokens.

    Before a batch is added, the least used tokens are dropped, together with all as rarely used as the last of them,
    so that at most `max_tokens` - `prototypes` remain. Without `counting`, the oldest tokens are dropped instead.
    Dropped tokens are discarded, not passed on to the next store.
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
        """Drop tokens until another `prototypes` of them fit."""
        sizes = [len(entry) for entry in self._kept]
        excess = sum(sizes) - (self._max_tokens - self._prototypes)
        if excess <= 0:
            return
        like = self._kept[0].layers[0]["key"]
        if self._counting:
            rate = torch.cat([entry.usage.rate(len(entry), like=like) for entry in self._kept])
            keep = rate > rate.kthvalue(excess).values
        else:
            keep = torch.arange(sum(sizes), device=like.device) >= excess
        parts = torch.split(keep, sizes)
        kept = [entry.select_tokens(part) for entry, part in zip(self._kept, parts, strict=True)]
        self._kept = [entry for entry in kept if len(entry)]
