"""Which keyframe counts on a frame: an object's own, the range on which it is not visible, or the last of a mask."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from bpy.types import MovieClip

from .properties import MatteKeyframe


@dataclass(frozen=True)
class _Rows:
    """Keyframes of one object or mask."""

    numbers: list[int]  # file numbers of their frames, ascending
    rows: list[int]  # in the clip's keyframes
    ranges: list[tuple[int, int]]  # first and last file number of the ranges on which the object is not visible


class KeyframeTable:
    """The keyframes of a clip, to be asked about many frames at once. To be made anew whenever it is needed."""

    def __init__(self, clip: MovieClip) -> None:
        self._keyframes = clip.matting.keyframes
        count = len(self._keyframes)
        self._numbers, self._ids, self._lengths = (np.empty(count, np.intc) for _ in range(3))
        self._keyframes.foreach_get("number", self._numbers)
        self._keyframes.foreach_get("object_id", self._ids)
        self._keyframes.foreach_get("frames", self._lengths)
        self._known: dict[int, _Rows] = {}

    def own(self, object_id: int, number: int) -> MatteKeyframe | None:
        """Return the keyframe on the frame with the file number `number`, or None."""
        found = self._last(object_id, number)
        return found if found is not None and found.number == number else None

    def is_absent(self, object_id: int, number: int) -> bool:
        """Return whether an object is not visible on a frame, by its own keyframe or by a range."""
        own = self.own(object_id, number)
        if own is not None:
            return bool(own.absent)
        return any(first <= number <= last for first, last in self._of(object_id).ranges)

    def held(self, object_id: int, number: int) -> MatteKeyframe | None:
        """Return the keyframe of a mask that counts on a frame: the last one not after it, or else the first."""
        found = self._last(object_id, number)
        if found is None and self._of(object_id).rows:
            return self._keyframes[self._of(object_id).rows[0]]
        return found

    def _last(self, object_id: int, number: int) -> MatteKeyframe | None:
        """Return the last keyframe not after a frame, or None."""
        of_object = self._of(object_id)
        place = bisect_right(of_object.numbers, number)
        return self._keyframes[of_object.rows[place - 1]] if place else None

    def _of(self, object_id: int) -> _Rows:
        if object_id not in self._known:
            rows = np.flatnonzero(self._ids == object_id)
            rows = rows[np.argsort(self._numbers[rows], kind="stable")]
            numbers, lengths = self._numbers[rows], self._lengths[rows]
            ranges = [(int(first), int(first + count - 1)) for first, count in zip(numbers, lengths) if count > 1]
            self._known[object_id] = _Rows(numbers.tolist(), rows.tolist(), ranges)
        return self._known[object_id]
