"""Stores: steps of the memory cascade, which keep some entries and evict the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from .entry import Entry


class Store(Protocol):
    """One step of a memory cascade."""

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        """Take the offered entries; return those that this store evicts or does not keep, for the next store."""
        ...

    def entries(self) -> list[Entry]:
        """Return the readable entries."""
        ...

    def state_dict(self) -> Any:
        """Return the state as tuples, lists, entries and numbers, for `load_state_dict`."""
        ...

    def load_state_dict(self, state_dict: Any) -> None:
        """Restore the `state_dict` of a store of the same kind."""
        ...


class ListStore:
    """Base of stores whose only state is a list of entries."""

    def __init__(self) -> None:
        self._kept: list[Entry] = []

    def entries(self) -> list[Entry]:
        return list(self._kept)

    def state_dict(self) -> list[Entry]:
        return list(self._kept)

    def load_state_dict(self, state_dict: list[Entry]) -> None:
        self._kept = list(state_dict)


class Permanent:
    """Keeps every keyframe permanently, one entry per frame, and passes all other entries on."""

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
    """Keeps the `capacity` entries of highest `worth(entry, age)`; age is the number of entries offered since."""

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
    """Filter that keeps nothing: passes keyframes and entries of sufficient quality on to the next store."""

    def __init__(self, min_quality: float) -> None:
        """Build a filter that discards unpinned entries with a quality below `min_quality`, 0..1."""
        self._min_quality = min_quality

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        return [entry for entry in entries if entry.pinned or entry.quality >= self._min_quality]

    def entries(self) -> list[Entry]:
        return []

    def state_dict(self) -> None:
        return None

    def load_state_dict(self, state_dict: None) -> None:
        """Restore nothing: a gate has no state."""
