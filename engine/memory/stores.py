"""Stores: each keeps the entries it wants and returns those it lets go, which are offered to the next store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from .entry import Entry


class Store(Protocol):
    """One step of a memory cascade."""

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        """Take what is offered; return what is let go."""
        ...

    def entries(self) -> list[Entry]:
        """What can be read now."""
        ...

    def state_dict(self) -> Any:
        """All that it has come to know, in tuples, lists, entries and numbers; pinned entries of `Permanent` not."""
        ...

    def load_state_dict(self, state_dict: Any) -> None:
        """Take over what another one `state_dict`."""
        ...


class ListStore:
    """A store whose entries are all that it knows."""

    def __init__(self) -> None:
        self._kept: list[Entry] = []

    def entries(self) -> list[Entry]:
        return list(self._kept)

    def state_dict(self) -> list[Entry]:
        return list(self._kept)

    def load_state_dict(self, state_dict: list[Entry]) -> None:
        self._kept = list(state_dict)


class Permanent:
    """Keeps every pinned entry, one per frame, for good."""

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
        """Keyframes are remembered anew in every run."""


class Bounded:
    """Keeps the `capacity` worthiest entries. Age is counted in arrivals, not in frames."""

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
        let_go = [entry for arrival, entry in self._kept if arrival not in staying]
        self._kept = [kept for kept in self._kept if kept[0] in staying]
        return let_go

    def entries(self) -> list[Entry]:
        return [entry for _, entry in self._kept]

    def state_dict(self) -> tuple[int, list[tuple[int, Entry]]]:
        return self._arrivals, list(self._kept)

    def load_state_dict(self, state_dict: tuple[int, list[tuple[int, Entry]]]) -> None:
        self._arrivals, self._kept = state_dict[0], list(state_dict[1])


class Gate:
    """Keeps nothing, and lets only pinned entries and those of good quality go on."""

    def __init__(self, min_quality: float) -> None:
        """`min_quality` quality, 0..1."""
        self._min_quality = min_quality

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        return [entry for entry in entries if entry.pinned or entry.quality >= self._min_quality]

    def entries(self) -> list[Entry]:
        return []

    def state_dict(self) -> None:
        return None

    def load_state_dict(self, state_dict: None) -> None:
        """There is nothing to take over."""
