"""LongTerm: XMem's long-term memory, which distils evicted entries into prototypes and forgets unused tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from .entry import Entry
from .stores import ListStore

Distil = Callable[[Sequence[Entry], int], Entry]  # (entries, number of prototypes) -> one entry


class LongTerm(ListStore):
    """XMem's long-term memory (ECCV 2022, section 3.3): distils each batch of entries into `prototypes` tokens.

    At most `max_tokens` tokens are kept. To make room for a batch, the tokens that were read least are discarded, as
    many as needed or more if several were read equally little; without `counting`, the oldest tokens are discarded. No
    entry is passed to the next store.
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
        """Discard tokens until there is room for another batch of prototypes."""
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
