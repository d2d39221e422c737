"""MemoryBank: a cascade of stores. New entries go to the first store; a network reads all stores as one memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from .entry import Entry
from .quality_gated import QualityGated
from .restricted import Restricted
from .stores import Gate, Store
from .tokens import Tokens, concatenate

Result = TypeVar("Result")


@dataclass(frozen=True)
class TokenGroup:
    """Memory of the objects that have information in the same tokens; per layer, all tokens are concatenated."""

    objects: tuple[int, ...]  # object indices, ascending, one per row of `value`; empty: all objects
    layers: tuple[Tokens, ...]
    starts: tuple[tuple[int, int], ...]  # (entry index, first token taken from that entry)
    _cache: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def cached(self, name: str, make: Callable[[], Result]) -> Result:
        """Return the result of `make()`, computed once per memory write; networks cache tokens in their own layout."""
        if name not in self._cache:
            self._cache[name] = make()
        result: Result = self._cache[name]
        return result


@dataclass(frozen=True)
class MemoryView:
    """The entries of a memory bank, grouped for reading; valid until the next write."""

    entries: tuple[Entry, ...]
    groups: tuple[TokenGroup, ...]  # more than one only if objects were annotated on different frames
    tracks_usage: bool = False  # whether a store scores entries by relevance (`report_usage`)
    records_usage: bool = True  # whether reads count as usage

    def unrecorded(self) -> MemoryView:
        """Return the same view, for reads that do not count as usage."""
        return replace(self, tracks_usage=False, records_usage=False)

    @property
    def layers(self) -> tuple[Tokens, ...]:
        """Return all tokens per layer, for objects that share every entry; ValueError if there are several groups."""
        (group,) = self.groups
        return group.layers

    def report_usage(self, relevance: Tensor) -> None:
        """Store the relevance (entries,) of each entry to the frame just read."""
        for entry, share in zip(self.entries, relevance, strict=True):
            entry.usage.relevance = share

    def report_attention(self, mass: Tensor) -> None:
        """Store as relevance of each entry its share of the attention `mass` (N,) on the first group's tokens."""
        starts = self.groups[0].starts
        lengths = [len(self.entries[index]) - first for index, first in starts]
        received = {index: part.sum() for (index, _), part in zip(starts, torch.split(mass, lengths), strict=True)}
        unread = mass.new_zeros(())
        per_entry = torch.stack([received.get(index, unread) for index in range(len(self.entries))])
        self.report_usage(per_entry / mass.sum())

    def add_usage(self, mass: Tensor) -> None:
        """Add one read to the usage of each entry; `mass` (N,) is the attention on the first group's tokens."""
        if not self.records_usage:
            return
        offset = 0
        starts = dict(self.groups[0].starts)
        for index, entry in enumerate(self.entries):
            count = len(entry) - starts.get(index, len(entry))
            received = mass[offset : offset + count]
            entry.usage.add(received if count == len(entry) else _pad_front(received, len(entry)))
            offset += count


class MemoryBank:
    """Cascade of stores: entries that a store evicts are offered to the next; after the last they are discarded.

    A new entry is due `interval` frames after the last one.
    """

    def __init__(self, stores: Sequence[Store], *, interval: int) -> None:
        self._stores = tuple(stores)
        self._interval = interval
        self._last_frame: int | None = None
        self._view: MemoryView | None = None

    def is_due(self, frame: int) -> bool:
        """Return whether `frame` is at least `interval` frames from the last entry; true if there is no entry yet."""
        return self._last_frame is None or abs(frame - self._last_frame) >= self._interval

    @property
    def needs_quality(self) -> bool:
        """Return whether a `Gate` filters entries by `Entry.quality`, which then has to be estimated."""
        return any(isinstance(store, Gate) for store in self._stores)

    def write(self, entry: Entry) -> None:
        """Offer `entry` to the first store, and the entries that each store evicts to the next store."""
        offered: Sequence[Entry] = [entry]
        for store in self._stores:
            offered = store.write(offered)
        self._last_frame = entry.frame
        self._view = None

    def start_from(self, frame: int) -> None:
        """Count the interval to the next entry from `frame`, the start of a sweep or a permanent keyframe."""
        self._last_frame = frame
        for store in self._stores:
            if isinstance(store, QualityGated):
                store.start_from(frame)
        self._view = None

    def state_dict(self) -> tuple[int | None, list[Any]]:
        """Return the frame of the last entry and the state of each store; permanent keyframes are left out."""
        return self._last_frame, [store.state_dict() for store in self._stores]

    def load_state_dict(self, state_dict: tuple[int | None, list[Any]]) -> None:
        """Restore what `state_dict` returned; the bank must have the same kinds of stores."""
        self._last_frame, store_states = state_dict
        for store, store_state in zip(self._stores, store_states, strict=True):
            store.load_state_dict(store_state)
        self._view = None

    def is_empty(self) -> bool:
        """Return whether no store holds an entry."""
        return not any(store.entries() for store in self._stores)

    def view(self) -> MemoryView:
        """Return the entries of all stores, grouped for reading; computed once per write."""
        if self._view is None:
            entries = tuple(entry for store in self._stores for entry in store.entries())
            tracks_usage = any(isinstance(store, Restricted) for store in self._stores)
            self._view = MemoryView(entries, _token_groups(entries), tracks_usage)
        return self._view


def _token_groups(entries: tuple[Entry, ...]) -> tuple[TokenGroup, ...]:
    """Group objects that have information in the same tokens, and concatenate the tokens of each group."""
    count = max((max(entry.objects) + 1 for entry in entries if entry.objects), default=0)
    if not count:  # no plane has a row per object, or all objects share every entry
        whole = tuple((index, 0) for index in range(len(entries)))
        return (TokenGroup((), _concatenate_entries(entries, whole, ()), whole),)
    objects_by_starts: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for index in range(count):
        missing = [entry.missing_tokens(index) for entry in entries]
        starts = tuple((number, first) for number, first in enumerate(missing) if first < len(entries[number]))
        if starts:
            objects_by_starts.setdefault(starts, []).append(index)
    return tuple(
        TokenGroup(tuple(objects), _concatenate_entries(entries, starts, tuple(objects)), starts)
        for starts, objects in objects_by_starts.items()
    )


def _concatenate_entries(
    entries: tuple[Entry, ...], starts: tuple[tuple[int, int], ...], objects: tuple[int, ...]
) -> tuple[Tokens, ...]:
    """Concatenate, per layer, the tokens of entries with the value rows of `objects`.

    `starts` holds pairs of an entry's index and the first token to take from that entry.
    """
    slices = [_slice_entry(entries[index], first, objects) for index, first in starts]
    return tuple(concatenate(layer) for layer in zip(*slices, strict=True))


def _slice_entry(entry: Entry, first: int, objects: tuple[int, ...]) -> tuple[Tokens, ...]:
    """Return the layers of an entry with its tokens from `first` on and the rows of `objects` (empty: all)."""
    layers = (Tokens({name: plane[..., first:] for name, plane in layer.planes.items()}) for layer in entry.layers)
    if not (objects and entry.objects):
        return tuple(layers)
    rows = [entry.row(index) for index in objects]
    return tuple(layer.select_rows(rows) for layer in layers)


def _pad_front(mass: Tensor, count: int) -> Tensor:
    """Put zeros in front of `mass`, so that it has `count` tokens."""
    return torch.cat([mass.new_zeros(count - len(mass)), mass])
