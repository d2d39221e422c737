"""Forecast of a run: which frames it computes and how long it takes, kept up to date by a timer while it is drawn."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import bpy
from bpy.types import MovieClip

from ..engine.shared.errors import EngineError
from . import clips, paces
from .folders import existing_folder
from .jobs import foreseen_job
from .listening import redraw
from .locks import job_locks
from .objects import has_keyframes, mask_ids
from .session import session
from .state_reader import Request, StateReader, Told

_POLL = 0.25  # seconds between looks

reader = StateReader()
_looked = 0.0  # time of the last look
_drawn: set[int] = set()  # `session_uid` of clips that were drawn, and not looked at since


@dataclass(frozen=True)
class Forecast:
    """What a run computes."""

    frames: tuple[int, ...]  # media frames
    asked: int  # frames that the run is limited to
    seconds: float | None  # None: not known
    is_limit: bool = False  # whether it may be less, as the run may stop where mattes do not change


def watch(clip: MovieClip) -> Told | None:
    """Return what was last told of the clip's mattes, and keep it up to date, as it is being drawn; None if nothing."""
    _drawn.add(clip.session_uid)
    if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=max(0.0, _looked + _POLL - time.monotonic()))
    folder = existing_folder(clip)
    return reader.told(folder.root) if folder is not None else None


def refresh(clip: MovieClip) -> Told | None:
    """Return what is told of the clip's mattes as they are now, which may take a second; None if nothing."""
    request = _request(clip)
    return reader.read(request) if request is not None else None


def forecast(clip: MovieClip, told: Told, frames: range) -> Forecast:
    """Return what Propagate computes on these media frames. Raises ClipUnreadable."""
    due = tuple(frame for frame in told.due if frame in frames)
    pace = paces.pace_of(clip) if due else None
    first, masks = clips.first_number(clip), mask_ids(clip)
    keyframes = [key.number - first for key in clip.matting.keyframes if key.object_id not in masks]
    seconds = pace.seconds(steps_of(due, keyframes)) if pace else None
    may_stop = told.stale > 0 and clip.matting.early_frames > 0
    return Forecast(due, len(frames), seconds, is_limit=bool(due) and may_stop)


def steps_of(frames: Iterable[int], keyframes: Sequence[int]) -> int:
    """Return how many steps a run takes for media frames: two for each that lies between two keyframes."""
    if not keyframes:
        return 0
    low, high = min(keyframes), max(keyframes)
    marked = set(keyframes)
    return sum(2 if low < frame < high and frame not in marked else 1 for frame in frames)


def stop() -> None:
    """Remove the timer, and forget what was told."""
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    forget()


def forget() -> None:
    """Forget what was told, as another file is loaded."""
    reader.forget()
    paces.forget()
    _drawn.clear()


def _tick() -> float | None:
    global _looked
    _looked = time.monotonic()
    for uid in [*_drawn]:
        clip = clips.find_clip(uid)
        if clip is None:
            _drawn.discard(uid)
            continue
        folder = existing_folder(clip)
        if session.status.busy and folder is not None and session.status.folder == folder.root:
            _drawn.discard(uid)  # everything changes with each frame; the editors are drawn again at the end
            continue
        if not clip.library:
            paces.store(clip)
        request = _request(clip)
        if request is None or reader.look(request):
            _drawn.discard(uid)
    if reader.take_news():
        redraw()
    return _POLL if _drawn or reader.is_working else None


def _request(clip: MovieClip) -> Request | None:
    """Return what to ask of the clip; None if nothing can be propagated."""
    folder = existing_folder(clip)
    if folder is None or not has_keyframes(clip):
        return None
    try:
        first, count = clips.first_number(clip), clips.frame_count(clip)
        job = replace(foreseen_job(clip, folder, first, count), locks=job_locks(clip))
        omits_masks = any(item.source_mask is not None for item in clip.matting.objects if item.role != "OBJECT")
        return Request(job, first, clips.pictures(clip), omits_masks)
    except EngineError:  # Propagate says what is amiss
        return None
