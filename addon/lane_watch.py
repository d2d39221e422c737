"""The lanes of clips, made of what is told of their mattes and of the marks in the file, while they are drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from bpy.types import MovieClip

from ..engine.shared.errors import EngineError
from . import clips, keyframe_columns, state_watch
from .comparison import Assessed
from .lane import with_marks
from .locks import locked_ranges
from .objects import matted_objects


@dataclass(frozen=True)
class Row:
    """Object in the lane."""

    object_id: int
    name: str
    colour: tuple[float, float, float]


@dataclass(frozen=True)
class Lane:
    """What the lane of a clip shows."""

    rows: tuple[Row, ...]
    first: int  # file number of the first frame
    codes: np.ndarray  # (objects, frames) uint8 with marks; see `lane.Code`
    assessed: Assessed | None  # None: not known yet

    @property
    def frames(self) -> int:
        """Return the number of frames."""
        return int(self.codes.shape[1])


@dataclass(frozen=True)
class _Parts:
    """What a lane is made of."""

    rows: tuple[Row, ...]
    first: int
    count: int
    found: Assessed | None
    keyframes: bytes  # see `keyframe_columns.keyframes_of`
    locks: tuple[tuple[int, int, int], ...]
    suggestions: tuple[tuple[int, int], ...]


_lanes: dict[int, tuple[_Parts, Lane]] = {}  # by `session_uid`


def watch(clip: MovieClip) -> Lane | None:
    """Return the lane of a clip as last made, None if there is none yet, and keep it up to date, as it is drawn.

    Data is only gathered later, by a timer.
    """
    state_watch.watch(clip, _update)
    return drawn(clip)


def drawn(clip: MovieClip) -> Lane | None:
    """Return the lane of a clip as last made; None if there is none."""
    kept = _lanes.get(clip.session_uid)
    return kept[1] if kept else None


def refresh(clip: MovieClip) -> Lane | None:
    """Make the lane of a clip from what is on disk now, and return it; None if the clip has none.

    Raises FolderNotWritable.
    """
    state_watch.compare(clip)
    _make(clip)
    return drawn(clip)


def forget() -> None:
    """Forget all lanes, as another file is loaded."""
    _lanes.clear()


def _update(clip: MovieClip) -> bool:
    """Make the clip's lane anew if anything has changed; return whether it has."""
    if clip.matting.show_lane:
        return _make(clip)
    _lanes.pop(clip.session_uid, None)
    return False


def _make(clip: MovieClip) -> bool:
    """Make the clip's lane from what was told of it and what the file has now; return whether it has changed."""
    uid = clip.session_uid
    try:
        parts = _parts(clip)
    except EngineError:
        parts = None
    if parts is None:
        return _lanes.pop(uid, None) is not None
    if uid in _lanes and _lanes[uid][0] == parts:
        return False
    _lanes[uid] = parts, _made(parts)
    return True


def _parts(clip: MovieClip) -> _Parts | None:
    """Return what the clip's lane is made of; None if it has no objects. Raises ClipUnreadable."""
    rows = tuple(Row(item.object_id, item.name, tuple(item.colour)) for item in matted_objects(clip))
    if not rows:
        return None
    first, count = clips.first_number(clip), clips.frame_count(clip)
    suggestions = tuple((item.object_id, item.number) for item in clip.matting.suggestions)
    keyframes, locks = keyframe_columns.keyframes_of(clip).tobytes(), tuple(locked_ranges(clip))
    return _Parts(rows, first, count, state_watch.found(clip), keyframes, locks, suggestions)


def _made(parts: _Parts) -> Lane:
    found, ids = parts.found, [row.object_id for row in parts.rows]
    codes = found.codes if found is not None else np.zeros((len(ids), parts.count), np.uint8)
    object_id, number, frames, absent, _ = np.frombuffer(parts.keyframes, np.intc).reshape(-1, 5).T
    ranges = np.stack([object_id, number, number + frames - 1], axis=-1)[absent != 0]
    marked = with_marks(
        codes,
        ids,
        parts.first,
        keyframes=np.stack([object_id, number], axis=-1).tolist(),
        absences=ranges.tolist(),
        locks=parts.locks,
        suggestions=parts.suggestions,
    )
    return Lane(parts.rows, parts.first, marked, found)
