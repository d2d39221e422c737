"""Restricted: RMem's bank of a few frames, chosen by relevance and freshness (Zhou et al., CVPR 2024)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from .entry import Entry
from .stores import ListStore

_KEPT_OF_OLD = 0.2  # of the moving average of relevance
_EXPLORE = 1.5  # weight of the freshness term
_CALM = 8  # added to the times an entry was judged


class Restricted(ListStore):
    """Keeps `max_entries` entries with the highest scores, always the newest, and with `reference` the very first.

    On each write every entry is scored by its relevance at the last read, as a moving average, plus
    1.5 sqrt(ln(all comparisons) / (its own comparisons + 8)), the freshness term of RMem (CVPR 2024).
    With `patient` nothing is scored before the bank is full. A keyframe clears the bank.
    """

    def __init__(self, max_entries: int, *, patient: bool, reference: bool = True) -> None:
        super().__init__()
        self._max_entries = max_entries
        self._patient = patient
        self._safe = int(reference)  # entries at the beginning that never go

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
        """A score for each entry, the reference first."""
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
