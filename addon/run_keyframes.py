"""Keyframes that the last propagation was given, to tell those that were changed since."""

from __future__ import annotations

from bpy.types import MovieClip

_Keyframes = frozenset[tuple[int, int, int, str]]  # object, file number, frames, version

_given: dict[int, _Keyframes] = {}  # by `session_uid` of the clip


def remember(clip: MovieClip) -> None:
    """Note that a propagation of the clip begins with the keyframes that it has now."""
    _given.clear()  # the status shows one operation
    _given[clip.session_uid] = _keyframes(clip)


def changed_since(clip: MovieClip) -> int:
    """Return on how many frames keyframes of objects and masks were set, changed or cleared since it began.

    It is 0 if the last propagation was that of another clip. Mattes on disk show none of these keyframes.
    """
    given = _given.get(clip.session_uid)
    return 0 if given is None else len({number for _, number, _, _ in given ^ _keyframes(clip)})


def forget() -> None:
    """Forget the last propagation, as another file is loaded."""
    _given.clear()


def _keyframes(clip: MovieClip) -> _Keyframes:
    return frozenset((key.object_id, key.number, key.frames, key.version) for key in clip.matting.keyframes)
