"""Folded: one entry into which each new one is folded, however long the clip is (MAVOS's MCA memory)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .entry import Entry

Fold = Callable[[Entry, Entry], Entry]  # (new, old) -> what stays


class First:
    """Keeps the very first entry for good."""

    def __init__(self) -> None:
        self._kept: list[Entry] = []

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        space = 1 - len(self._kept)
        self._kept += entries[:space]
        return list(entries[space:])

    def entries(self) -> list[Entry]:
        return list(self._kept)


class Folded:
    """Keeps one entry: the first as it is, then each new one folded with what is there."""

    def __init__(self, fold: Fold) -> None:
        self._fold = fold
        self._kept: Entry | None = None

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        for entry in entries:
            self._kept = entry if self._kept is None else self._fold(entry, self._kept)
        return []

    def entries(self) -> list[Entry]:
        return [] if self._kept is None else [self._kept]
