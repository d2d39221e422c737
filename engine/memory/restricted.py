"""Restricted: RMem's memory of a few frames, chosen by relevance and freshness."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from .entry import Entry
from .stores import ListStore

_OLD_WEIGHT = 0.2  # of the moving average of relevance so far
_FRESHNESS = 1.5  # weight of the freshness term
_DAMPING = 8  # added to the number of comparisons of an entry


class Restricted(ListStore):
    """Store of at most `max_entries` entries: the newest, with `reference` also the first, and those of highest score.

    The score of an entry is updated at each write. It is the moving average of the entry's relevance to the frames
    read, plus RMem's freshness term (Zhou et al., CVPR 2024): 1.5 sqrt(ln(comparisons of all entries) / (own
    comparisons + 8)). With `patient`, scores are updated only when the store is full. A new keyframe evicts all
    entries.
    """

    def __init__(self, max_entries: int, *, patient: bool, reference: bool = True) -> None:
        super().__init__()
        self._max_entries = max_entries
        self._patient = patient
        self._protected = int(reference)  # number of leading entries that are never evicted

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        evicted: list[Entry] = []
        for entry in entries:
            if entry.pinned:
                evicted, self._kept = [*evicted, *self._kept], []
            full = len(self._kept) >= self._max_entries
            if self._kept and (full or not self._patient):
                scores = self._scores()
                entry.usage.comparisons = 1
                if full:
                    evicted.append(self._kept.pop(min(range(self._protected, len(scores)), key=scores.__getitem__)))
            self._kept.append(entry)
        return evicted

    def _scores(self) -> list[float]:
        """Update the relevance average and comparison count of each entry; return their scores, in order."""
        averages = []
        for usage in (entry.usage for entry in self._kept):
            relevance = usage.relevance if usage.relevance is not None else torch.zeros(())
            old = usage.average
            usage.average = relevance if old is None else (1 - _OLD_WEIGHT) * relevance + _OLD_WEIGHT * old
            usage.comparisons += 1
            averages.append(usage.average)
        counts = [entry.usage.comparisons for entry in self._kept]
        counts[: self._protected] = [len(self._kept)] * self._protected  # as in RMem's code
        log_total = math.log(sum(counts))
        return [
            average + _FRESHNESS * math.sqrt(log_total / (count + _DAMPING))
            for average, count in zip(torch.stack(averages).tolist(), counts, strict=True)
        ]
