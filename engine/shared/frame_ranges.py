"""Frames that a run is limited to."""

from __future__ import annotations

from collections.abc import Collection


def frames_between(frame: int, frames: range, keyframes: Collection[int]) -> range:
    """Return the media frames from the last keyframe before a frame to the next one after it, both included.

    Where there is no keyframe on a side, they reach to the end of `frames`, to which they are limited.
    """
    first = max((other for other in keyframes if other < frame), default=frames.start)
    last = min((other for other in keyframes if other > frame), default=frames.stop - 1)
    return range(max(first, frames.start), min(last + 1, frames.stop))
