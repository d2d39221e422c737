"""Records of edited frames: on which frames the artist has changed the mask layers that were made of an object."""

from __future__ import annotations

from collections.abc import Iterable

from bpy.types import Mask, MovieClip

from .objects import matted_objects

# The record is on the mask and not on the clip, so that an undo that takes an edit back takes back its record, too.

_changes: dict[str, int] = {}  # edits, by the clip's key and object


def edited_numbers(clip: MovieClip, object_id: int) -> list[int]:
    """Return the file numbers of the frames on which the artist has edited the object's mask layers, ascending."""
    mask = clip.matting.mask
    return [] if mask is None else sorted(_numbers(mask, _mark(clip, object_id)))


def edited_objects(clip: MovieClip) -> list[tuple[str, int]]:
    """Return the name of each object whose mask layers the artist has edited, and on how many frames."""
    counts = [(item.name, len(edited_numbers(clip, item.object_id))) for item in matted_objects(clip)]
    return [(name, count) for name, count in counts if count]


def change_count(clip: MovieClip, object_id: int) -> int:
    """Return how often the artist has edited the object's mask layers since the file was opened; drags count often."""
    return _changes.get(_mark(clip, object_id), 0)


def note(clip: MovieClip, object_id: int, number: int) -> None:
    """Record that the artist has edited the object's mask layers on the frame with a file number."""
    mark = _mark(clip, object_id)
    _changes[mark] = _changes.get(mark, 0) + 1
    numbers = set(edited_numbers(clip, object_id))
    if number not in numbers:
        _store(clip, object_id, numbers | {number})


def withdraw(clip: MovieClip, object_id: int, numbers: Iterable[int]) -> None:
    """Take frames out of the record of an object, by their file numbers."""
    before = set(edited_numbers(clip, object_id))
    if left := before.difference(numbers):
        _store(clip, object_id, left)
    elif before:
        edits = clip.matting.mask.matte_edits
        edits.remove(edits.find(_mark(clip, object_id)))


def _mark(clip: MovieClip, object_id: int) -> str:
    return f"{clip.matting.key}/{object_id}"


def _store(clip: MovieClip, object_id: int, numbers: set[int]) -> None:
    edits = clip.matting.mask.matte_edits
    mark = _mark(clip, object_id)
    edit = edits.get(mark) or edits.add()
    edit.name, edit.frames = mark, " ".join(map(str, sorted(numbers)))


def _numbers(mask: Mask, mark: str) -> set[int]:
    """Return what is recorded; what is no number, as in a damaged file, is left out."""
    edit = mask.matte_edits.get(mark)
    words = edit.frames.split() if edit else []
    return {int(word) for word in words if word.isdecimal()}
