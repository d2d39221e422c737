"""Stores of a memory bank, each of which keeps some of the entries offered to it and passes the others on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from .entry import Entry


class Store(Protocol):
    """One store in the cascade of a memory bank."""

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        """Offer entries to this store; return those that the next store is to get: evicted ones and ones not kept."""
        ...

    def entries(self) -> list[Entry]:
        """Return the entries that a network reads."""
        ...

    def state_dict(self) -> Any:
        """Return the state as tuples, lists, entries and numbers; `load_state_dict` restores it."""
        ...

    def load_state_dict(self, state_dict: Any) -> None:
        """Restore what `state_dict` of a store of the same kind returned."""
        ...


class ListStore:
    """Base class of stores whose whole state is a list of entries."""

    def __init__(self) -> None:
        self._kept: list[Entry] = []

    def entries(self) -> list[Entry]:
        return list(self._kept)

    def state_dict(self) -> list[Entry]:
        return list(self._kept)

    def load_state_dict(self, state_dict: list[Entry]) -> None:
        self._kept = list(state_dict)


class Permanent:
    """Store that keeps all keyframes, one entry per frame, and passes all other entries on."""

    def __init__(self) -> None:
        self._by_frame: dict[int, Entry] = {}

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        self._by_frame.update({entry.frame: entry for entry in entries if entry.pinned})
        return [entry for entry in entries if not entry.pinned]

    def entries(self) -> list[Entry]:
        return list(self._by_frame.values())

    def state_dict(self) -> None:
        return None

    def load_state_dict(self, state_dict: None) -> None:
        """Restore nothing: keyframes are memorized again in every run."""


class Bounded:
    """Store of the `capacity` entries with the highest `worth(entry, age)`.

    The age of an entry is 1 when it is offered, and rises by 1 with each further entry.
    """

    def __init__(self, capacity: int, worth: Callable[[Entry, int], float]) -> None:
        self._capacity = capacity
        self._worth = worth
        self._arrivals = 0
        self._kept: list[tuple[int, Entry]] = []

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        for entry in entries:
            self._kept.append((self._arrivals, entry))
            self._arrivals += 1
        by_worth = sorted(self._kept, key=lambda kept: self._worth(kept[1], self._arrivals - kept[0]), reverse=True)
        staying = {arrival for arrival, _ in by_worth[: self._capacity]}
        evicted = [entry for arrival, entry in self._kept if arrival not in staying]
        self._kept = [kept for kept in self._kept if kept[0] in staying]
        return evicted

    def entries(self) -> list[Entry]:
        return [entry for _, entry in self._kept]

    def state_dict(self) -> tuple[int, list[tuple[int, Entry]]]:
        return self._arrivals, list(self._kept)

    def load_state_dict(self, state_dict: tuple[int, list[tuple[int, Entry]]]) -> None:
        self._arrivals, self._kept = state_dict[0], list(state_dict[1])


class Gate:
    """Filter by quality: passes keyframes and good entries on to the next store, and keeps none itself."""

    def __init__(self, min_quality: float) -> None:
        """Build a filter that discards entries with a quality below `min_quality`, 0..1, unless they are keyframes."""
        self._min_quality = min_quality

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        return [entry for entry in entries if entry.pinned or (entry.quality or 0.0) >= self._min_quality]

    def entries(self) -> list[Entry]:
        return []

    def state_dict(self) -> None:
        return None

    def load_state_dict(self, state_dict: None) -> None:
        """Restore nothing: a gate has no state."""
