"""The lanes of clips, kept up to date by a timer while they are drawn."""

from __future__ import annotations

import time
from dataclasses import dataclass

import bpy
import numpy as np
from bpy.types import MovieClip

from ..engine.shared.errors import ClipUnreadable, EngineError, WeightsMissing
from . import clips, quality, weights
from .folders import existing_folder
from .jobs import foreseen_job
from .lane import with_marks
from .lane_reader import Assessed, LaneReader, Request
from .listening import redraw
from .locks import locked_ranges
from .objects import matted_objects

_POLL = 0.25  # seconds between looks while there is something to wait for, and at least between any two

reader = LaneReader(quality.reader)


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
    keyframes: bytes  # see `_keyframes`
    locks: tuple[tuple[int, int, int], ...]
    suggestions: tuple[tuple[int, int], ...]


_lanes: dict[int, Lane] = {}  # by `session_uid`, as the others
_made_of: dict[int, _Parts] = {}
_requests: dict[int, tuple[tuple[object, ...], Request]] = {}  # with what they were gathered from
_drawn: set[int] = set()  # clips whose lanes were drawn since the last look
_looked = 0.0


def watch(clip: MovieClip) -> Lane | None:
    """Return the lane of a clip as last made, None if there is none yet, and keep it up to date, as it is drawn.

    Data is only gathered later, by a timer.
    """
    _drawn.add(clip.session_uid)
    if not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=max(0.0, _looked + _POLL - time.monotonic()))
    return _lanes.get(clip.session_uid)


def refresh(clip: MovieClip) -> Lane | None:
    """Make the lane of a clip from what is on disk now, and return it; None if the clip has none.

    Raises FolderNotWritable.
    """
    quality.refresh(clip)
    request = _request(clip)
    if request is not None:
        reader.read(request)
    _update(clip)
    return _lanes.get(clip.session_uid)


def forget() -> None:
    """Forget all lanes, as another file is loaded."""
    reader.forget()
    for known in (_lanes, _made_of, _requests, _drawn):
        known.clear()


def stop() -> None:
    """Remove the timer, and forget all lanes."""
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    forget()


def _tick() -> float | None:
    """Look whether what was drawn is still so, and redraw the editors if it is not."""
    global _looked
    news = reader.take_news()
    wait = False
    for uid in [*_drawn]:
        clip = clips.find_clip(uid)
        if clip is None or not clip.matting.show_lane:
            _drop(uid)
            continue
        quality.look(clip)
        try:
            request = _request(clip)
        except ClipUnreadable:  # the editor says so itself
            request = None
        if request is not None:
            reader.look(request)
            wait |= reader.is_due(request)
        news |= _update(clip)
    _looked = time.monotonic()
    if news:
        redraw()
    is_working = wait or reader.is_working or quality.reader.is_working
    if not is_working:
        _drawn.clear()
    return _POLL if is_working else None


def _drop(uid: int) -> None:
    """Forget a clip that is gone, or whose lane is switched off."""
    _drawn.discard(uid)
    _lanes.pop(uid, None)
    _made_of.pop(uid, None)
    _requests.pop(uid, None)


def _request(clip: MovieClip) -> Request | None:
    """Return what to ask of the clip; None if it has no objects or no folder. Raises ClipUnreadable.

    It is the last one as long as nothing has changed, since gathering it takes several milliseconds.
    """
    folder, objects = existing_folder(clip), matted_objects(clip)
    if folder is None or not objects:
        return None
    matting, first, count = clip.matting, clips.first_number(clip), clips.frame_count(clip)
    weights_file, problem = None, ""
    try:
        weights_file = weights.file_for(matting.recipe, matting.weights)
    except WeightsMissing as error:
        problem = error.sentence()
    items = [(item.object_id, item.role, item.invert, item.source_mask is None) for item in matting.objects]
    settings = (matting.recipe, matting.adapt, matting.across_cuts, weights_file, problem)
    versions = tuple(key.version for key in matting.keyframes)
    asked = (folder, clips.media_path(clip), first, count, *items, settings, _keyframes(clip).tobytes(), versions)
    known = _requests.get(clip.session_uid)
    if known is None or known[0] != asked:
        job = None if problem else foreseen_job(clip, folder, first, count)
        omits_masks = any(role != "OBJECT" and not is_marked for _, role, _, is_marked in items)
        ids = tuple(item.object_id for item in objects)
        known = asked, Request(folder, ids, first, count, job, clip.source == "MOVIE", omits_masks, problem)
        _requests[clip.session_uid] = known
    return known[1]


def _keyframes(clip: MovieClip) -> np.ndarray:
    """Return object, file number, number of frames, whether it is absent, and whether alpha, of each keyframe."""
    keys = clip.matting.keyframes
    columns = [np.empty(len(keys), kind) for kind in (np.intc, np.intc, np.intc, bool, bool)]
    for name, column in zip(("object_id", "number", "frames", "absent", "is_alpha"), columns, strict=True):
        keys.foreach_get(name, column)
    return np.stack(columns, axis=-1, dtype=np.intc, casting="unsafe")


def _update(clip: MovieClip) -> bool:
    """Make the clip's lane from what was told of it and what the file has now; return whether it has changed."""
    uid = clip.session_uid
    try:
        parts = _parts(clip)
    except EngineError:
        parts = None
    if parts is None:
        _made_of.pop(uid, None)
        return _lanes.pop(uid, None) is not None
    if _made_of.get(uid) == parts:
        return False
    _made_of[uid] = parts
    _lanes[uid] = _made(parts)
    return True


def _parts(clip: MovieClip) -> _Parts | None:
    """Return what the clip's lane is made of; None if it has no objects. Raises ClipUnreadable."""
    rows = tuple(Row(item.object_id, item.name, tuple(item.colour)) for item in matted_objects(clip))
    if not rows:
        return None
    first, count = clips.first_number(clip), clips.frame_count(clip)
    folder = existing_folder(clip)
    found = reader.found(folder.root) if folder else None
    if found is not None:
        told = found.request.objects, found.request.first, found.request.count
        if told != (tuple(row.object_id for row in rows), first, count):
            found = None
    suggestions = tuple((item.object_id, item.number) for item in clip.matting.suggestions)
    return _Parts(rows, first, count, found, _keyframes(clip).tobytes(), tuple(locked_ranges(clip)), suggestions)


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
