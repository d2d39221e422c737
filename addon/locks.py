"""Locks of a clip: frames and objects whose mattes never change, whatever runs."""

from __future__ import annotations

from collections.abc import Iterable

from bpy.types import MovieClip

from ..engine.shared.errors import BadSetting, KeyframeOutsideClip
from ..engine.shared.types import Lock
from . import clips
from .objects import matte_numbers, matted_objects

_Spans = list[tuple[int, int]]  # first and last file number, ascending, neither overlapping nor touching
EVERY = 0  # object of a lock that holds for all objects


def locked_ranges(clip: MovieClip) -> list[tuple[int, int, int]]:
    """Return the object (0: all objects), first and last file number of each lock.

    An object whose own switch is on is locked on all frames of the clip. Raises ClipUnreadable.
    """
    found = [(lock.object_id, lock.first, lock.last) for lock in clip.matting.locks]
    switched = [item.object_id for item in matted_objects(clip) if item.lock]
    if switched:
        first = clips.first_number(clip)
        found += [(object_id, first, first + clips.frame_count(clip) - 1) for object_id in switched]
    return found


def job_locks(clip: MovieClip) -> tuple[Lock, ...]:
    """Return the clip's locks in media frames, as a job takes them. Raises ClipUnreadable.

    The switch of an object protects the mattes that it has, and lets those be made that it lacks.
    """
    count, shift = clips.frame_count(clip), clips.media_frame_of(clip, 0)
    spans = [(lock.object_id, lock.first, lock.last) for lock in clip.matting.locks]
    for item in matted_objects(clip):
        if item.lock:
            made = _joined((number, number) for number in matte_numbers(clip, item.object_id))
            spans += [(item.object_id, first, last) for first, last in made]
    found = [(of, range(max(0, first + shift), min(count, last + shift + 1))) for of, first, last in spans]
    return tuple(Lock(frames, of or None) for of, frames in found if frames)


def lock(clip: MovieClip, first: int, last: int, object_id: int = EVERY) -> None:
    """Lock an object, or all, on the scene frames `first` to `last`. Raises BadSetting, KeyframeOutsideClip."""
    span = _checked(clip, first, last)
    spans = _by_object(clip)
    spans[object_id] = _joined([*spans.get(object_id, []), span])
    _store(clip, spans)


def unlock(clip: MovieClip, first: int, last: int, object_id: int = EVERY) -> None:
    """Unlock an object, or all, on the scene frames `first` to `last`. Raises BadSetting, KeyframeOutsideClip.

    Where all objects were locked at once, the others stay locked. Switches of objects are left as they are.
    """
    span = _checked(clip, first, last)
    spans = _by_object(clip)
    if object_id == EVERY:
        _store(clip, {key: _without(of, span) for key, of in spans.items()})
        return
    shared = [_common(one, span) for one in spans.get(EVERY, []) if _common(one, span)]
    for item in matted_objects(clip):
        if item.object_id != object_id:
            spans[item.object_id] = _joined([*spans.get(item.object_id, []), *filter(None, shared)])
    for key in (EVERY, object_id):
        spans[key] = _without(spans.get(key, []), span)
    _store(clip, spans)


def forget(clip: MovieClip, object_id: int) -> None:
    """Remove the locks of an object that is removed, as its number may be given to another."""
    _store(clip, {key: of for key, of in _by_object(clip).items() if key != object_id})


def _checked(clip: MovieClip, first: int, last: int) -> tuple[int, int]:
    """Return the file numbers of the clip's frames among the scene frames `first` to `last`."""
    if last < first:
        raise BadSetting(
            f"the range ends on frame {last}, before it begins on frame {first}",
            remedy="Choose an End that is not before the Start.",
        )
    count = clips.frame_count(clip)
    start, end = max(0, clips.media_frame(clip, first)), min(count - 1, clips.media_frame(clip, last))
    if end < start:
        raise KeyframeOutsideClip(
            f"frames {first} to {last} are outside the clip, which has frames {clips.scene_frame(clip, 0)} to "
            f"{clips.scene_frame(clip, count - 1)}",
            remedy="Choose frames of the clip.",
        )
    return clips.number(clip, start), clips.number(clip, end)


def _by_object(clip: MovieClip) -> dict[int, _Spans]:
    found: dict[int, _Spans] = {}
    for one in clip.matting.locks:
        found.setdefault(one.object_id, []).append((one.first, one.last))
    return found


def _store(clip: MovieClip, spans: dict[int, _Spans]) -> None:
    locks = clip.matting.locks
    locks.clear()
    for object_id in sorted(spans):
        for first, last in spans[object_id]:
            one = locks.add()
            one.object_id, one.first, one.last = object_id, first, last


def _joined(spans: Iterable[tuple[int, int]]) -> _Spans:
    joined: _Spans = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(joined[-1][1], last)
        else:
            joined.append((first, last))
    return joined


def _common(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int] | None:
    first, last = max(one[0], other[0]), min(one[1], other[1])
    return (first, last) if first <= last else None


def _without(spans: _Spans, taken: tuple[int, int]) -> _Spans:
    before = [(first, min(last, taken[0] - 1)) for first, last in spans]
    after = [(max(first, taken[1] + 1), last) for first, last in spans]
    return sorted({(first, last) for first, last in (*before, *after) if first <= last})
