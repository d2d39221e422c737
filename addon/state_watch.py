"""What is asked of clips that are drawn, and the timer that keeps what was told of them up to date."""

from __future__ import annotations

import time
from collections.abc import Callable

import bpy
from bpy.types import MovieClip

from ..engine.shared.errors import EngineError, WeightsMissing
from . import clips, reviews, tracks, weights
from .comparison import Assessed, Request
from .folders import existing_folder
from .jobs import foreseen_job
from .keyframe_columns import keyframes_of
from .listening import redraw
from .objects import matted_objects
from .state_reader import reader

_POLL = 0.25  # seconds between looks while there is something to wait for, and at least between any two

Update = Callable[[MovieClip], bool]  # makes what is drawn of a clip from what was told, and returns whether it changed

_requests: dict[int, tuple[tuple[object, ...], Request]] = {}  # by `session_uid`, with what they were gathered from
_drawn: dict[int, dict[Update, None]] = {}  # what was drawn of clips since the last look, by `session_uid`
_looked = 0.0


def watch(clip: MovieClip, update: Update) -> None:
    """Have a timer keep up to date what `update` makes of the clip, as it is being drawn."""
    _drawn.setdefault(clip.session_uid, {})[update] = None
    if not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, first_interval=max(0.0, _looked + _POLL - time.monotonic()))


def look(clip: MovieClip) -> bool:
    """Have a thread look whether anything has changed, and return whether it is worth while to look again soon."""
    folder = existing_folder(clip)
    if folder is None:
        return False
    request = request_of(clip)
    reader.accept(folder, reviews.texts(clip))
    reader.look(folder, request)
    return (request is not None and reader.is_due(request)) or reader.is_taken(folder)


def refresh(clip: MovieClip) -> None:
    """Read the qualities of the clip's mattes now, which may take a second. Raises FolderNotWritable."""
    folder = existing_folder(clip)
    if folder is not None:
        reader.accept(folder, reviews.texts(clip))
        reader.read(folder)


def compare(clip: MovieClip) -> None:
    """Read them, and tell which a run of today would make anew. Raises FolderNotWritable."""
    refresh(clip)
    request = request_of(clip)
    if request is not None:
        reader.compare(request)


def found(clip: MovieClip) -> Assessed | None:
    """Return what was last told of the clip as it is; None if nothing was. Raises ClipUnreadable."""
    folder = existing_folder(clip)
    told = reader.found(folder.root) if folder else None
    if told is None:
        return None
    ids = tuple(item.object_id for item in matted_objects(clip))
    asked = told.request.objects, told.request.first, told.request.count
    return told if asked == (ids, clips.first_number(clip), clips.frame_count(clip)) else None


def forget() -> None:
    """Forget everything, as another file is loaded."""
    reader.forget()
    _requests.clear()
    _drawn.clear()


def stop() -> None:
    """Remove the timer, and forget everything."""
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    forget()


def tick() -> float | None:
    """Look whether what was drawn is still so, and redraw the editors if it is not; as Blender calls it."""
    global _looked
    news, wait = reader.take_news(), False
    reader.go_on()
    for uid in [*_drawn][:1]:
        _drawn[uid] = _drawn.pop(uid)  # to the end, so that all clips take turns in the one thread
    for uid, updates in [*_drawn.items()]:
        clip = clips.find_clip(uid)
        if clip is None:
            del _drawn[uid]
            _requests.pop(uid, None)
            continue
        wait |= look(clip) or reader.is_working  # asked before the update, which may miss what it tells now
        for update in updates:
            news |= update(clip)
    _looked = time.monotonic()
    if news:
        redraw()
    if wait or reader.is_working:
        return _POLL
    _drawn.clear()
    return None


def request_of(clip: MovieClip) -> Request | None:
    """Return what to ask of the clip; None if it has no objects or no folder, or cannot be read.

    It is the last one as long as nothing has changed, since gathering it takes several milliseconds.
    """
    folder, objects = existing_folder(clip), matted_objects(clip)
    if folder is None or not objects:
        return None
    matting, weights_file, problem = clip.matting, None, ""
    try:
        first, count = clips.first_number(clip), clips.frame_count(clip)
        weights_file = weights.file_for(matting.recipe, matting.weights)
    except WeightsMissing as error:
        problem = error.sentence()
    except EngineError:  # the editor says so itself
        return None
    items = [(item.object_id, item.role, item.invert, item.source_mask is None) for item in matting.objects]
    is_stable = matting.stabilized and tracks.is_stabilized(clip)
    settings = (
        matting.recipe,
        matting.adapt,
        matting.across_cuts,
        matting.follow_small,
        is_stable,
        weights_file,
        problem,
    )
    versions = tuple(key.version for key in matting.keyframes)
    asked = (folder, clips.media_path(clip), first, count, *items, settings, keyframes_of(clip).tobytes(), versions)
    known = _requests.get(clip.session_uid)
    if known is None or known[0] != asked:
        job = None if problem else foreseen_job(clip, folder, first, count)
        omits_masks = any(role != "OBJECT" and not is_marked for _, role, _, is_marked in items)
        ids = tuple(item.object_id for item in objects)
        known = asked, Request(folder, ids, first, count, job, clips.pictures(clip), omits_masks, problem)
        _requests[clip.session_uid] = known
    return known[1]
