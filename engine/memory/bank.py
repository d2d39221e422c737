"""MemoryBank: a cascade of stores, written at the top and read as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .entry import Entry
from .stores import Store
from .tokens import Tokens, joined


@dataclass(frozen=True)
class MemoryView:
    """What a network sees of a memory: all tokens of each propagation layer on one axis."""

    entries: tuple[Entry, ...]
    layers: tuple[Tokens, ...]


class MemoryBank:
    """Entries are written to the first store; what one lets go is offered to the next, and forgotten after the last.

    `interval` is the least distance in frames between two entries that are not pinned.
    """

    def __init__(self, stores: Sequence[Store], *, interval: int) -> None:
        self._stores = tuple(stores)
        self._interval = interval
        self._last_frame: int | None = None
        self._view: MemoryView | None = None

    def wants(self, frame: int) -> bool:
        """Whether `frame` is far enough from the last written one."""
        return self._last_frame is None or abs(frame - self._last_frame) >= self._interval

    def write(self, entry: Entry) -> None:
        """Offer one entry to the cascade."""
        offered: Sequence[Entry] = [entry]
        for store in self._stores:
            offered = store.write(offered)
        self._last_frame = entry.frame
        self._view = None

    def start_from(self, frame: int) -> None:
        """Count the interval from `frame`: a keyframe already pinned, at which a sweep passes."""
        self._last_frame = frame

    def view(self) -> MemoryView:
        """All entries, joined once per write."""
        if self._view is None:
            entries = tuple(entry for store in self._stores for entry in store.entries())
            self._view = MemoryView(
                entries,
                tuple(joined(layer) for layer in zip(*(entry.layers for entry in entries), strict=True)),
            )
        return self._view
