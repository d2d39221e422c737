"""Restricted: RMem's bank of a few frames, selected by relevance and freshness."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from .entry import Entry
from .stores import ListStore

_KEPT_OF_OLD = 0.2  # weight of the previous moving average of relevance
_EXPLORE = 1.5  # weight of the freshness term
_CALM = 8  # added to the number of comparisons of an entry


class Restricted(ListStore):
    """Keeps the `max_entries` entries with the highest scores, always the newest, and with `reference` the first.

    On each write an entry's score is the moving average of its relevance at the last read, plus
    1.5 sqrt(ln(all comparisons) / (comparisons of the entry + 8)), RMem's freshness term (Zhou et al., CVPR 2024).
    With `patient`, scoring starts once the bank is full. A keyframe clears the bank.
    """

    def __init__(self, max_entries: int, *, patient: bool, reference: bool = True) -> None:
        super().__init__()
        self._max_entries = max_entries
        self._patient = patient
        self._safe = int(reference)  # number of leading entries that are never evicted

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        gone = []
        for entry in entries:
            if entry.pinned:
                gone, self._kept = [*gone, *self._kept], []
            full = len(self._kept) >= self._max_entries
            if self._kept and (full or not self._patient):
                scores = self._scores()
                entry.usage.comparisons = 1
                if full:
                    gone.append(self._kept.pop(min(range(self._safe, len(scores)), key=scores.__getitem__)))
            self._kept.append(entry)
        return gone

    def _scores(self) -> list[float]:
        """Update relevance averages and comparison counts; return one score per entry, the reference first."""
        for usage in (entry.usage for entry in self._kept):
            told = usage.relevance if usage.relevance is not None else torch.zeros(())
            before = usage.average
            usage.average = told if before is None else (1 - _KEPT_OF_OLD) * told + _KEPT_OF_OLD * before
            usage.comparisons += 1
        counts = [entry.usage.comparisons for entry in self._kept]
        counts[: self._safe] = [len(self._kept)] * self._safe
        spread = math.log(sum(counts))
        averages = torch.stack([entry.usage.average for entry in self._kept]).tolist()
        return [
            average + _EXPLORE * math.sqrt(spread / (count + _CALM))
            for average, count in zip(averages, counts, strict=True)
        ]
