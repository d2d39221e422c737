"""Frames that a command is limited to: between keyframes, and locked ones."""

from __future__ import annotations

from collections.abc import Collection

from ..shared import frame_ranges
from ..shared.errors import BadSetting
from ..shared.types import Lock


def frames_between(frame: int, frames: range, keyframes: Collection[int]) -> range:
    """Return the media frames between the keyframes on both sides of a frame, among `frames`. Raises BadSetting."""
    if frame not in frames:
        raise BadSetting(f"--between {frame} is outside the frames {frames.start} to {frames.stop - 1}")
    return frame_ranges.frames_between(frame, frames, keyframes)


def parse_lock(text: str, count: int) -> Lock:
    """Parse "A:B" or "OBJECT=A:B" as a lock of a clip of `count` frames; A or B may be left out. Raises BadSetting."""
    before, equals, span = text.rpartition("=")
    try:
        object_id = int(before) if equals else None
        first, last = (int(part) if part else None for part in span.split(":"))
    except ValueError:
        raise BadSetting(f"--lock must look like 0:60 or 2=0:60, not {text!r}") from None
    frames = range(first or 0, count if last is None else last)
    if not frames or frames.start < 0 or frames.stop > count or (object_id is not None and object_id < 1):
        raise BadSetting(f"--lock {text} is empty or outside the clip, which has frames 0 to {count - 1}")
    return Lock(frames, object_id)
