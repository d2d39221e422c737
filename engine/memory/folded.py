"""Folded: one entry into which each new one is folded, however long the clip is (MAVOS's MCA memory)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .entry import Entry
from .stores import ListStore

Fold = Callable[[Entry, Entry], Entry]  # (new, old) -> what stays


class First(ListStore):
    """Keeps the very first entry for good."""

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        space = 1 - len(self._kept)
        self._kept += entries[:space]
        return list(entries[space:])


class Folded(ListStore):
    """Keeps one entry: the first as it is, then each new one folded with what is there."""

    def __init__(self, fold: Fold) -> None:
        super().__init__()
        self._fold = fold

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        for entry in entries:
            self._kept = [self._fold(entry, before) for before in self._kept] or [entry]
        return []
