"""Painted canvases whose keyframe could not be stored, as on a full disk. They are kept until they can be."""

from __future__ import annotations

from .canvas import Canvas

_kept: dict[tuple[int, int, int], Canvas] = {}  # by clip, object and frame


def key_of(kept: Canvas) -> tuple[int, int, int]:
    """Return the `session_uid` of a canvas's clip, the number of its object, and its frame's file number."""
    return kept.clip_uid, kept.object_id, kept.number


def keep(kept: Canvas) -> None:
    """Keep a canvas, in place of an earlier one of the same object and frame."""
    _kept[key_of(kept)] = kept


def find(clip_uid: int, object_id: int, number: int) -> Canvas | None:
    """Return the canvas that is kept for an object on a frame, or None."""
    return _kept.get((clip_uid, object_id, number))


def drop(kept: Canvas) -> None:
    """Let a canvas go, since it was stored or is not wanted."""
    _kept.pop(key_of(kept), None)


def all_kept() -> tuple[Canvas, ...]:
    """Return all canvases that are kept, the oldest first."""
    return tuple(_kept.values())


def clear() -> None:
    """Let all canvases go."""
    _kept.clear()
