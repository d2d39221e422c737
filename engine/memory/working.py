"""Working: XMem's working memory of the latest frames, which evicts older frames in batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from .entry import Entry
from .stores import ListStore
from .tokens import VALUE, Tokens


class Working(ListStore):
    """Store of the latest entries; when there are `max_frames`, all but the last `min_frames` are evicted at once."""

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
    """`Working` that always keeps the first frame, annotated by the user, as one of its `min_frames` entries.

    As in XMem's code, the first value of an object that appeared later is added to the first frame's entry. If at most
    `min_frames` + 1 later frames hold the object, its evicted values are discarded, else they go to the next store.
    """

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        self._kept += entries
        if len(self._kept) < self._max_frames:
            return []
        first, later = self._kept[0], self._kept[1:]
        evicted = len(later) - (self._min_frames - 1)
        older, recent = later[:evicted], later[evicted:]
        for index in sorted({index for entry in later for index in entry.objects if first.missing_tokens(index)}):
            holders = [entry for entry in later if not entry.missing_tokens(index)]
            if len(holders) >= self._min_frames:
                first = _add_row(first, holders[0], index)
            if len(holders) <= self._min_frames + 1:
                older = [_remove_row(entry, index) for entry in older]
            else:
                older = [_remove_row(entry, index) if entry is holders[0] else entry for entry in older]
        self._kept = [first, *recent]
        return older


def _add_row(entry: Entry, source: Entry, index: int) -> Entry:
    """Return `entry` with the value row of object `index` copied from `source` and appended."""
    row = source.row(index)
    layers = tuple(
        Tokens({**layer.planes, VALUE: torch.cat([layer[VALUE], source_layer[VALUE][row][None]])})
        for layer, source_layer in zip(entry.layers, source.layers, strict=True)
    )
    return replace(entry, layers=layers, objects=(*entry.objects, index))


def _remove_row(entry: Entry, index: int) -> Entry:
    """Return `entry` without the value row of object `index`; unchanged if that row is absent or incomplete."""
    if entry.missing_tokens(index):
        return entry
    rows = [row for row, row_index in enumerate(entry.objects) if row_index != index]
    layers = tuple(layer.select_rows(rows) for layer in entry.layers)
    return replace(entry, layers=layers, objects=tuple(entry.objects[row] for row in rows))
