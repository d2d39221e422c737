"""Working: XMem's working memory of whole frames, which evicts the older ones in batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from .entry import Entry
from .stores import ListStore
from .tokens import PER_OBJECT, Tokens


class Working(ListStore):
    """Keeps recent frames. At `max_frames`, all but the last `min_frames` are evicted as one batch."""

    def __init__(self, min_frames: int, max_frames: int) -> None:
        super().__init__()
        self._min_frames = min_frames
        self._max_frames = max_frames

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        self._kept += entries
        if len(self._kept) < self._max_frames:
            return []
        older, self._kept = self._kept[: -self._min_frames], self._kept[-self._min_frames :]
        return older


class FirstAndWorking(Working):
    """`Working` that never evicts the first frame, the user's annotation; that frame is one of the `min_frames`.

    As in XMem's code, the first value of an object that appeared later is kept too: moved to the key of the first
    frame. If at most `min_frames` + 1 frames hold the object, none of its values are evicted.
    """

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        self._kept += entries
        if len(self._kept) < self._max_frames:
            return []
        first, others = self._kept[0], self._kept[1:]
        leaving = len(others) - (self._min_frames - 1)
        older, recent = others[:leaving], others[leaving:]
        for place in sorted({place for entry in others for place in entry.objects if first.missing_tokens(place)}):
            knowing = [entry for entry in others if not entry.missing_tokens(place)]
            if len(knowing) >= self._min_frames:
                first = _with_row_of(first, knowing[0], place)
            if len(knowing) <= self._min_frames + 1:
                older = [_without(entry, place) for entry in older]
            else:
                older = [_without(entry, place) if entry is knowing[0] else entry for entry in older]
        self._kept = [first, *recent]
        return older


def _with_row_of(entry: Entry, giver: Entry, place: int) -> Entry:
    """Append the value row of object `place` in `giver` to `entry`."""
    layers = tuple(
        Tokens({**mine.planes, PER_OBJECT: torch.cat([mine[PER_OBJECT], given[PER_OBJECT][giver.row(place)][None]])})
        for mine, given in zip(entry.layers, giver.layers, strict=True)
    )
    return replace(entry, layers=layers, objects=(*entry.objects, place))


def _without(entry: Entry, place: int) -> Entry:
    """Remove the value row of object `place` from `entry`."""
    if entry.missing_tokens(place):
        return entry
    rows = [row for row, other in enumerate(entry.objects) if other != place]
    layers = tuple(Tokens({**layer.planes, PER_OBJECT: layer[PER_OBJECT][rows]}) for layer in entry.layers)
    return replace(entry, layers=layers, objects=tuple(entry.objects[row] for row in rows))
