"""QualityGated: QDMN's memory, which keeps keyframes and a bounded number of other frames of good quality."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .entry import Entry


@dataclass(frozen=True)
class Written:
    """A frame that was written and can be dropped again; frames are numbered in the order of writing."""

    number: int
    frame: int
    quality: float

    def worth(self, now: int) -> float:
        """Return r of QDMN: quality plus recency, when frame number `now` is written."""
        return self.quality + math.exp(self.number - now)


class QualityGated:
    """Store of QDMN (Liu et al., ECCV 2022): keyframes stay, and other frames are written if they are good enough.

    A frame is written if its quality is more than `min_quality` and it is at least `interval` frames from the last one
    written. If more than `capacity` frames are written by then, the one of least worth is dropped first. The latest
    frame is read even if it was not written, until the next comes.
    """

    def __init__(
        self, capacity: int, *, interval: int, min_quality: float, restarts: bool = False, published_slots: bool = False
    ) -> None:
        """Build an empty store.

        With `restarts`, each keyframe starts a new count of written frames, and those before it are never dropped, as
        in the authors' YouTube-VOS program. `published_slots` repeats an error of the authors' programs, which take the
        position among the frames that can be dropped for that among all, and so lose the first keyframe.
        """
        self._capacity = capacity
        self._interval = interval
        self._min_quality = min_quality
        self._restarts = restarts
        self._published_slots = published_slots
        self._slots: list[Entry] = []  # keyframes and written frames, in order
        self._written: list[Written] = []
        self._count = 0  # of frames ever written
        self._last_frame: int | None = None  # written, or start of the sweep
        self._latest: Entry | None = None  # the latest frame, if it was not written

    def write(self, entries: Sequence[Entry]) -> list[Entry]:
        passed_on = []
        for entry in entries:
            if self._latest:
                passed_on.append(self._latest)
            self._latest = None
            if entry.pinned:
                self._slots.append(entry)
                self.start_from(entry.frame)
            elif self._accepts(entry):
                self._count += 1
                if len(self._written) > self._capacity:
                    passed_on.append(self._drop())
                self._written.append(Written(self._count, entry.frame, entry.quality or 0.0))
                self._slots.append(entry)
                self._last_frame = entry.frame
            else:
                self._latest = entry
        return passed_on

    def start_from(self, frame: int) -> None:
        """Note that `frame` starts a sweep, or is a keyframe that this or another store holds."""
        self._last_frame = frame
        self._latest = None
        if self._restarts:
            self._written = []

    def entries(self) -> list[Entry]:
        return [*self._slots, *([self._latest] if self._latest else [])]

    def state_dict(self) -> tuple[Any, ...]:
        return list(self._slots), list(self._written), self._count, self._last_frame, self._latest

    def load_state_dict(self, state_dict: tuple[Any, ...]) -> None:
        slots, written, self._count, self._last_frame, self._latest = state_dict
        self._slots, self._written = list(slots), list(written)

    def _accepts(self, entry: Entry) -> bool:
        due = self._last_frame is None or abs(entry.frame - self._last_frame) >= self._interval
        return due and entry.quality is not None and entry.quality > self._min_quality

    def _drop(self) -> Entry:
        """Remove the written frame of least worth from the store, and return it; of several, the oldest."""
        position = min(range(len(self._written)), key=lambda index: self._written[index].worth(self._count))
        dropped = self._written.pop(position)
        if not self._published_slots:
            position = next(index for index, entry in enumerate(self._slots) if entry.frame == dropped.frame)
        return self._slots.pop(position)
