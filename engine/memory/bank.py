"""MemoryBank: a cascade of stores, written at the first and read as one memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor

from .entry import Entry
from .restricted import Restricted
from .stores import Gate, Store
from .tokens import PER_OBJECT, Tokens, joined

Made = TypeVar("Made")


@dataclass(frozen=True)
class TokenGroup:
    """Memory of objects that share the same tokens: per propagation layer, all tokens joined on one axis."""

    objects: tuple[int, ...]  # object indices, ascending; one row of `value` each. Empty: all objects
    layers: tuple[Tokens, ...]
    starts: tuple[tuple[int, int], ...]  # (entry index, first token taken from that entry)
    _made: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """Return `make()`, cached under `name` until the next write; for tokens in a network's preferred layout."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]


@dataclass(frozen=True)
class MemoryView:
    """Readable content of a memory bank."""

    entries: tuple[Entry, ...]
    groups: tuple[TokenGroup, ...]  # more than one only if objects were annotated on different frames
    tracks_usage: bool = False  # whether a store scores entries by relevance (`report_usage`)

    @property
    def layers(self) -> tuple[Tokens, ...]:
        """Return all tokens per layer, for networks whose objects share every entry; ValueError if groups differ."""
        (part,) = self.groups
        return part.layers

    def report_usage(self, relevance: Tensor) -> None:
        """Record the relevance (entries,) of each entry for one frame."""
        for entry, told in zip(self.entries, relevance, strict=True):
            entry.usage.relevance = told

    def report_attention(self, mass: Tensor) -> None:
        """Record each entry's relevance: its share of the attention `mass` (N,) on the first group's tokens."""
        lengths = [len(self.entries[index]) - first for index, first in self.groups[0].starts]
        shares = {
            index: part.sum() for (index, _), part in zip(self.groups[0].starts, mass.split(lengths), strict=True)
        }
        nothing = mass.new_zeros(())
        self.report_usage(torch.stack([shares.get(index, nothing) for index in range(len(self.entries))]) / mass.sum())

    def credit(self, mass: Tensor) -> None:
        """Add the attention `mass` (N,) that the first group's tokens received from one frame to their usage."""
        at = 0
        starts = dict(self.groups[0].starts)
        for index, entry in enumerate(self.entries):
            count = len(entry) - starts.get(index, len(entry))
            received = mass[at : at + count]
            entry.usage.add(received if count == len(entry) else _behind(received, len(entry)))
            at += count


class MemoryBank:
    """Cascade of stores: an entry evicted by one store is offered to the next, and discarded after the last.

    `interval` is the minimum distance in frames between two unpinned entries.
    """

    def __init__(self, stores: Sequence[Store], *, interval: int) -> None:
        self._stores = tuple(stores)
        self._interval = interval
        self._last_frame: int | None = None
        self._view: MemoryView | None = None

    def wants(self, frame: int) -> bool:
        """Return whether `frame` is at least `interval` frames from the last written one."""
        return self._last_frame is None or abs(frame - self._last_frame) >= self._interval

    @property
    def needs_quality(self) -> bool:
        """Return whether a store filters entries by quality, so that `Entry.quality` must be set."""
        return any(isinstance(store, Gate) for store in self._stores)

    def write(self, entry: Entry) -> None:
        """Write one entry to the cascade."""
        offered: Sequence[Entry] = [entry]
        for store in self._stores:
            offered = store.write(offered)
        self._last_frame = entry.frame
        self._view = None

    def start_from(self, frame: int) -> None:
        """Count the interval from `frame`: the start of a sweep, or a pinned keyframe that the sweep passes."""
        self._last_frame = frame

    def state_dict(self) -> tuple[int | None, list[Any]]:
        """Return the last written frame and the state of every store; `Permanent` keyframes are not included."""
        return self._last_frame, [store.state_dict() for store in self._stores]

    def load_state_dict(self, state_dict: tuple[int | None, list[Any]]) -> None:
        """Restore `state_dict` of a bank with the same stores."""
        self._last_frame, stores = state_dict
        for store, its in zip(self._stores, stores, strict=True):
            store.load_state_dict(its)
        self._view = None

    def is_empty(self) -> bool:
        """Return whether no store holds an entry."""
        return not any(store.entries() for store in self._stores)

    def view(self) -> MemoryView:
        """Return all entries joined into token groups; cached until the next write."""
        if self._view is None:
            entries = tuple(entry for store in self._stores for entry in store.entries())
            tracks_usage = any(isinstance(store, Restricted) for store in self._stores)
            self._view = MemoryView(entries, _parts(entries), tracks_usage)
        return self._view


def _parts(entries: tuple[Entry, ...]) -> tuple[TokenGroup, ...]:
    """Group objects whose memory consists of the same tokens."""
    every = range(max((max(entry.objects) + 1 for entry in entries if entry.objects), default=0))
    if not every:  # no plane has a row per object, or all objects share every entry
        whole = tuple((index, 0) for index in range(len(entries)))
        return (TokenGroup((), _join(entries, whole, ()), whole),)
    together: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for place in every:
        missing = [entry.missing_tokens(place) for entry in entries]
        starts = tuple((index, lack) for index, lack in enumerate(missing) if lack < len(entries[index]))
        if starts:
            together.setdefault(starts, []).append(place)
    return tuple(
        TokenGroup(tuple(places), _join(entries, starts, tuple(places)), starts) for starts, places in together.items()
    )


def _join(
    entries: tuple[Entry, ...], starts: tuple[tuple[int, int], ...], places: tuple[int, ...]
) -> tuple[Tokens, ...]:
    pieces = [_piece(entries[index], first, places) for index, first in starts]
    return tuple(joined(layer) for layer in zip(*pieces, strict=True))


def _piece(entry: Entry, first: int, places: tuple[int, ...]) -> tuple[Tokens, ...]:
    """Slice an entry's tokens from `first` on, with the rows of the given objects only."""
    layers = []
    for layer in entry.layers:
        planes = {name: plane[..., first:] for name, plane in layer.planes.items()}
        if PER_OBJECT in planes and places and entry.objects:
            rows = [entry.row(place) for place in places]
            if rows != list(range(len(planes[PER_OBJECT]))):
                planes[PER_OBJECT] = planes[PER_OBJECT][rows]
        layers.append(Tokens(planes))
    return tuple(layers)


def _behind(mass: Tensor, count: int) -> Tensor:
    """Pad `mass` with leading zeros to `count` tokens."""
    return torch.cat([mass.new_zeros(count - len(mass)), mass])
