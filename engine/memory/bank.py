"""MemoryBank: a cascade of stores, written at the top and read as one."""

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
    """What objects that are known from the same tokens read: all tokens of each propagation layer on one axis."""

    objects: tuple[int, ...]  # places in the group, ascending; rows of `value`. Empty: all
    layers: tuple[Tokens, ...]
    starts: tuple[tuple[int, int], ...]  # (entry, first token of it) that were joined
    _made: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What `make` gives, made once per write and not per frame: tokens as a network reads them fastest."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]


@dataclass(frozen=True)
class MemoryView:
    """What a network sees of a memory."""

    entries: tuple[Entry, ...]
    groups: tuple[TokenGroup, ...]  # one, unless objects were annotated on different frames
    tracks_usage: bool = False  # whether a store wants to know how relevant each entry was

    @property
    def layers(self) -> tuple[Tokens, ...]:
        """All tokens, for a network whose objects share every entry."""
        (part,) = self.groups
        return part.layers

    def report_usage(self, relevance: Tensor) -> None:
        """Tell how relevant each entry was for one frame: (entries,)."""
        for entry, told in zip(self.entries, relevance, strict=True):
            entry.usage.relevance = told

    def report_attention(self, mass: Tensor) -> None:
        """Tell how relevant each entry was, by the attention `mass` (N,) that the first part's tokens received."""
        lengths = [len(self.entries[index]) - first for index, first in self.groups[0].starts]
        shares = {
            index: part.sum() for (index, _), part in zip(self.groups[0].starts, mass.split(lengths), strict=True)
        }
        nothing = mass.new_zeros(())
        self.report_usage(torch.stack([shares.get(index, nothing) for index in range(len(self.entries))]) / mass.sum())

    def credit(self, mass: Tensor) -> None:
        """Tell that the first part's tokens received attention `mass` (N,) from one frame."""
        at = 0
        starts = dict(self.groups[0].starts)
        for index, entry in enumerate(self.entries):
            count = len(entry) - starts.get(index, len(entry))
            received = mass[at : at + count]
            entry.usage.add(received if count == len(entry) else _behind(received, len(entry)))
            at += count


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

    @property
    def needs_quality(self) -> bool:
        """Whether a store decides by the quality of entries, which is then to be told."""
        return any(isinstance(store, Gate) for store in self._stores)

    def write(self, entry: Entry) -> None:
        """Offer one entry to the cascade."""
        offered: Sequence[Entry] = [entry]
        for store in self._stores:
            offered = store.write(offered)
        self._last_frame = entry.frame
        self._view = None

    def start_from(self, frame: int) -> None:
        """Count the interval from `frame`: where a sweep begins, or a keyframe already pinned that it passes."""
        self._last_frame = frame

    def state_dict(self) -> tuple[int | None, list[Any]]:
        """All that it has come to know, but for keyframes that were there from the beginning."""
        return self._last_frame, [store.state_dict() for store in self._stores]

    def load_state_dict(self, state_dict: tuple[int | None, list[Any]]) -> None:
        """Take over what another one of the same stores `state_dict`."""
        self._last_frame, stores = state_dict
        for store, its in zip(self._stores, stores, strict=True):
            store.load_state_dict(its)
        self._view = None

    def is_empty(self) -> bool:
        """Whether there is nothing to read yet."""
        return not any(store.entries() for store in self._stores)

    def view(self) -> MemoryView:
        """All entries, joined once per write."""
        if self._view is None:
            entries = tuple(entry for store in self._stores for entry in store.entries())
            tracks_usage = any(isinstance(store, Restricted) for store in self._stores)
            self._view = MemoryView(entries, _parts(entries), tracks_usage)
        return self._view


def _parts(entries: tuple[Entry, ...]) -> tuple[TokenGroup, ...]:
    """Objects known from the same tokens go together."""
    every = range(max((max(entry.objects) + 1 for entry in entries if entry.objects), default=0))
    if not every:  # networks whose planes have no row per object, or whose objects share every entry
        whole = tuple((index, 0) for index in range(len(entries)))
        return (TokenGroup((), _join(entries, whole, ()), whole),)
    together: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for place in every:
        missing_prefix = [entry.missing_tokens(place) for entry in entries]
        starts = tuple((index, lack) for index, lack in enumerate(missing_prefix) if lack < len(entries[index]))
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
    """The entry's tokens from `first` on, with the rows of these objects only."""
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
    """`mass` as the last of `count` tokens, whose others received nothing."""
    return torch.cat([mass.new_zeros(count - len(mass)), mass])
