"""XMem's working memory: whole frames, of which the older go down as one batch when there are too many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from .entry import Entry
from .stores import Keeping
from .tokens import PER_OBJECT, Tokens


class Working(Keeping):
    """Keeps recent frames. When `most` are here, all but the last `least` go down together."""

    def __init__(self, least: int, most: int) -> None:
        super().__init__()
        self._least = least
        self._most = most

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        self._kept += entries
        if len(self._kept) < self._most:
            return []
        older, self._kept = self._kept[: -self._least], self._kept[-self._least :]
        return older


class FirstAndWorking(Working):
    """As `Working`, but the very first frame, which the user gave, is one of the `least` and never goes down.

    As XMem's program does it, an object that appeared later has its own first frame kept as well: its value is moved
    to the key of the very first frame. If no more than `least` + 1 frames know the object, nothing of it goes down.
    """

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        self._kept += entries
        if len(self._kept) < self._most:
            return []
        first, others = self._kept[0], self._kept[1:]
        leaving = len(others) - (self._least - 1)
        older, recent = others[:leaving], others[leaving:]
        for place in sorted({place for entry in others for place in entry.objects if first.lacks(place)}):
            knowing = [entry for entry in others if not entry.lacks(place)]
            if len(knowing) >= self._least:
                first = _with_row_of(first, knowing[0], place)
            if len(knowing) <= self._least + 1:
                older = [_without(entry, place) for entry in older]
            else:
                older = [_without(entry, place) if entry is knowing[0] else entry for entry in older]
        self._kept = [first, *recent]
        return older


def _with_row_of(entry: Entry, giver: Entry, place: int) -> Entry:
    """`entry` with the value that `giver` holds of the object at `place`."""
    layers = tuple(
        Tokens({**mine.planes, PER_OBJECT: torch.cat([mine[PER_OBJECT], given[PER_OBJECT][giver.row(place)][None]])})
        for mine, given in zip(entry.layers, giver.layers, strict=True)
    )
    return replace(entry, layers=layers, objects=(*entry.objects, place))


def _without(entry: Entry, place: int) -> Entry:
    """`entry` that says nothing of the object at `place`."""
    if entry.lacks(place):
        return entry
    rows = [row for row, other in enumerate(entry.objects) if other != place]
    layers = tuple(Tokens({**layer.planes, PER_OBJECT: layer[PER_OBJECT][rows]}) for layer in entry.layers)
    return replace(entry, layers=layers, objects=tuple(entry.objects[row] for row in rows))
