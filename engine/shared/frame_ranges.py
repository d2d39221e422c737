"""Frames that a run is limited to."""

from __future__ import annotations

from collections.abc import Collection, Iterable


def frames_between(frame: int, frames: range, keyframes: Collection[int]) -> range:
    """Return the media frames from the last keyframe before a frame to the next one after it, both included.

    Where there is no keyframe on a side, they reach to the end of `frames`, to which they are limited.
    """
    first = max((other for other in keyframes if other < frame), default=frames.start)
    last = min((other for other in keyframes if other > frame), default=frames.stop - 1)
    return range(max(first, frames.start), min(last + 1, frames.stop))


def runs_of(frames: Iterable[int]) -> list[range]:
    """Return frames as ranges without gaps, ascending."""
    found: list[range] = []
    for frame in sorted(frames):
        if found and found[-1].stop == frame:
            found[-1] = range(found[-1].start, frame + 1)
        else:
            found.append(range(frame, frame + 1))
    return found
