"""Stores of a single entry: `First` keeps the first frame, `Folded` merges new frames into one (MAVOS's MCA)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .entry import Entry
from .stores import ListStore

Fold = Callable[[Entry, Entry], Entry]  # (new, old) -> merged entry


class First(ListStore):
    """Store that keeps the first entry offered and evicts all later ones."""

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        space = 1 - len(self._kept)
        self._kept += entries[:space]
        return list(entries[space:])


class Folded(ListStore):
    """Store of one entry, with which each new entry is merged by `fold(new, kept)`; passes nothing on."""

    def __init__(self, fold: Fold) -> None:
        super().__init__()
        self._fold = fold

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        for entry in entries:
            self._kept = [self._fold(entry, kept) for kept in self._kept] or [entry]
        return []
