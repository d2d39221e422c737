"""Forecast of a run: which frames it computes and how long it takes, kept up to date while it is drawn."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import bpy
import numpy as np
from bpy.types import MovieClip

from ..engine.shared.errors import EngineError
from . import clips, job_queue, paces, state_watch
from .comparison import Assessed
from .lane import Code, Spans, with_marks
from .objects import mask_ids, matted_objects


@dataclass(frozen=True)
class Told:
    """What is told of a clip's mattes, by the same codes that the lane shows."""

    due: tuple[int, ...]  # media frames on which Propagate makes the matte of any object, ascending
    left: tuple[int, ...]  # others on which a matte is outdated or missing: locked, or of an object without keyframes
    fresh: int  # frames on which all mattes are as Propagate would make them
    stale: int  # frames on which any is not, and is made anew
    kept: int  # frames on which any is not, and stays as it is
    missing: int  # frames on which there is no matte of an object yet


@dataclass(frozen=True)
class Forecast:
    """What a run computes."""

    frames: tuple[int, ...]  # media frames
    asked: int  # frames that the run is limited to
    seconds: float | None  # None: not known
    left: int = 0  # of these frames, those that are not up to date and are not computed
    is_limit: bool = False  # whether it may be less, as the run may stop where mattes do not change


_Parts = tuple[Assessed, tuple[tuple[int, int, int], ...], tuple[int, ...]]  # with locks and locked objects
_told: dict[int, tuple[_Parts, Told | None]] = {}  # by `session_uid`


def watch(clip: MovieClip) -> Told | None:
    """Return what was last told of the clip's mattes, and keep it up to date, as it is being drawn; None if nothing."""
    if not bpy.app.background:
        state_watch.watch(clip, _update)
    kept = _told.get(clip.session_uid)
    return kept[1] if kept else None


def refresh(clip: MovieClip) -> Told | None:
    """Return what is told of the clip's mattes as they are now, which may take a second; None if nothing.

    Raises FolderNotWritable.
    """
    state_watch.compare(clip)
    _update(clip)
    kept = _told.get(clip.session_uid)
    return kept[1] if kept else None


def told_of(found: Assessed, locks: Spans, switched: Collection[int]) -> Told | None:
    """Return what follows from the codes of mattes, given locks by file number and the objects that are locked.

    The lock of an object protects the mattes that it has, and lets those be made that it lacks. Frames that no keyframe
    reaches are not counted. Returns None if it is not known what a run of today would do.
    """
    if found.made is None:
        return None
    codes, ids = found.codes, found.request.objects
    stays = with_marks(np.zeros_like(codes), ids, found.request.first, locks=locks) != 0
    missing = codes == Code.MISSING
    for row, object_id in enumerate(ids):
        stays[row] |= object_id not in found.made
        if object_id in switched:
            stays[row] |= ~missing[row]
    outdated = np.isin(codes, (Code.STALE, Code.UNKNOWN, Code.MISSING))
    due, lacks = (outdated & ~stays).any(axis=0), missing.any(axis=0)
    left = outdated.any(axis=0) & ~due
    known = (codes != Code.NONE).any(axis=0)
    return Told(
        tuple(np.flatnonzero(due).tolist()),
        tuple(np.flatnonzero(left).tolist()),
        int((known & ~lacks & ~due & ~left).sum()),
        int((due & ~lacks).sum()),
        int((left & ~lacks).sum()),
        int(lacks.sum()),
    )


def forecast(clip: MovieClip, told: Told, frames: range) -> Forecast:
    """Return what Propagate computes on these media frames. Raises ClipUnreadable."""
    due = tuple(frame for frame in told.due if frame in frames)
    pace = paces.pace_of(clip) if due else None
    left = sum(frame in frames for frame in told.left)
    first, masks = clips.first_number(clip), mask_ids(clip)
    keyframes = [key.number - first for key in clip.matting.keyframes if key.object_id not in masks]
    seconds = pace.seconds(steps_of(due, keyframes)) if pace else None
    may_stop = told.stale > 0 and clip.matting.early_frames > 0
    return Forecast(due, len(frames), seconds, left, is_limit=bool(due) and may_stop)


def steps_of(frames: Iterable[int], keyframes: Sequence[int]) -> int:
    """Return how many steps a run takes for media frames: two for each that lies between two keyframes."""
    if not keyframes:
        return 0
    low, high = min(keyframes), max(keyframes)
    marked = set(keyframes)
    return sum(2 if low < frame < high and frame not in marked else 1 for frame in frames)


def forget() -> None:
    """Forget what was told, as another file is loaded."""
    paces.forget()
    _told.clear()


def _update(clip: MovieClip) -> bool:
    """Sum up anew what was told of the clip if anything has changed; return whether it has."""
    if not clip.library and not job_queue.is_on(clip):
        paces.store(clip)
    parts = _parts(clip)
    if parts is None:
        return _told.pop(clip.session_uid, None) is not None
    if clip.session_uid in _told and _told[clip.session_uid][0] == parts:
        return False
    _told[clip.session_uid] = parts, told_of(*parts)
    return True


def _parts(clip: MovieClip) -> _Parts | None:
    try:
        found = state_watch.found(clip)
    except EngineError:  # Propagate says what is amiss
        return None
    locks = tuple((lock.object_id, lock.first, lock.last) for lock in clip.matting.locks)
    switched = tuple(item.object_id for item in matted_objects(clip) if item.lock)
    return (found, locks, switched) if found else None
