"""Restricted: RMem's bank of a few frames, chosen by relevance and freshness (Zhou et al., CVPR 2024)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from .entry import Entry
from .stores import Keeping

_KEPT_OF_OLD = 0.2  # of the moving average of relevance
_EXPLORE = 1.5  # weight of the freshness term
_CALM = 8  # added to the times an entry was judged


class Restricted(Keeping):
    """Keeps the most wanted entries, `most` in all; the newest always stays, and with `reference` the first of all.

    Each write judges what is here by the relevance that the network told at its last read, as a moving average, plus
    sqrt(ln(all judgements) / (its own + 8)) 1.5. With `patient` nothing is judged before the bank is full. A keyframe
    begins the bank anew.
    """

    def __init__(self, most: int, *, patient: bool, reference: bool = True) -> None:
        super().__init__()
        self._most = most
        self._patient = patient
        self._safe = int(reference)  # entries at the beginning that never go

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        gone = []
        for entry in entries:
            if entry.pinned:
                gone, self._kept = [*gone, *self._kept], []
            full = len(self._kept) >= self._most
            if self._kept and (full or not self._patient):
                scores = self._judge()
                entry.usage.judged = 1
                if full:
                    gone.append(self._kept.pop(min(range(self._safe, len(scores)), key=scores.__getitem__)))
            self._kept.append(entry)
        return gone

    def _judge(self) -> list[float]:
        """A score for each entry, the reference first."""
        for usage in (entry.usage for entry in self._kept):
            told = usage.relevance if usage.relevance is not None else torch.zeros(())
            before = usage.average
            usage.average = told if before is None else (1 - _KEPT_OF_OLD) * told + _KEPT_OF_OLD * before
            usage.judged += 1
        counts = [entry.usage.judged for entry in self._kept]
        counts[: self._safe] = [len(self._kept)] * self._safe
        spread = math.log(sum(counts))
        averages = torch.stack([entry.usage.average for entry in self._kept]).tolist()
        return [
            average + _EXPLORE * math.sqrt(spread / (count + _CALM))
            for average, count in zip(averages, counts, strict=True)
        ]
