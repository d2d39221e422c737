"""Facts for the next step, gathered while the tab is drawn: what needs the disk is looked up once a second at most."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar, cast

import bpy
from bpy.types import Context, MovieClip, Scene

from ..engine.shared.errors import EngineError, NotSaved, Offline, PythonMissing
from ..engine.shared.setup_errors import EngineOutdated, EnginePartly
from . import clips, compositor, engine_setup, environment, forecast, job_queue, quality, quality_list, scene_settings
from .brush_settings import settings
from .folders import results
from .listening import redraw
from .next_step import Active, ClipState, Engine, Facts
from .objects import active_object, mask_ids
from .saving import check_clip_saved
from .session import session
from .status import progress_text

_SECONDS = 1.0  # for which what was found on the disk is taken to be so

_MANY = 50  # answers, beyond which all are looked up again
_Answer = TypeVar("_Answer")

_kept: dict[Hashable, tuple[float, object]] = {}  # by what was asked: until when, and the answer


def gather(context: Context) -> Facts:
    """Return the facts about the clip that the editor shows."""
    clip, scene = context.space_data.clip, context.scene
    facts = replace(_engine_facts(), saved=bool(bpy.data.filepath), running=_running(clip))
    if clip is not None:
        facts = _with_clip(facts, clip, scene)
    if facts.engine is not Engine.READY or facts.clip in (ClipState.MISSING, ClipState.UNREADABLE):
        _look_again()
    if clip is None:
        return facts
    facts = _with_objects(facts, clip)
    if facts.clip is not ClipState.READY:  # what was made of it is not lost, and must not look so
        return replace(facts, mattes=len(results(clip).numbers))
    return _with_mattes(facts, clip, scene)


def _look_again() -> None:
    """Redraw the tab in a second, as what it says may be mended elsewhere: in the preferences, or on the disk."""
    if not bpy.app.background and not bpy.app.timers.is_registered(redraw):
        bpy.app.timers.register(redraw, first_interval=_SECONDS)


def _looked_up(key: Hashable, look: Callable[[], _Answer]) -> _Answer:
    """Return what `look` returned within the last second for this key, or call it."""
    now = time.monotonic()
    known = _kept.get(key)
    if known is None or known[0] < now:
        if len(_kept) > _MANY:
            _kept.clear()
        known = _kept[key] = (now + _SECONDS, look())
    return cast(_Answer, known[1])


def _engine_facts() -> Facts:
    """Return what is known of the engine."""
    if session.status.is_installation:
        return Facts(Engine.INSTALLING)
    error = engine_setup.problem()
    if error is None:
        return Facts(engine_text=_runs_on())
    if isinstance(error, PythonMissing):
        return Facts(Engine.BAD_PYTHON, engine_problem=error.sentence())
    states = {EnginePartly.code: Engine.PARTLY, EngineOutdated.code: Engine.OTHER_VERSION}
    build = engine_setup.build_text()
    gpu, obstacle = engine_setup.gpu_text(), engine_setup.obstacle()
    text = f"{gpu}: {build}" if build else gpu
    return Facts(
        states.get(error.code, Engine.MISSING),
        text,
        error.sentence(),
        engine_obstacle=obstacle.sentence() if obstacle else "",
        is_offline=isinstance(obstacle, Offline),
    )


def _runs_on() -> str:
    """Return what the engine runs on, as far as it fits beside its name."""
    if environment.preferences().device == "cpu":
        return "ready, on the CPU"
    found = engine_setup.hardware()
    return found.gpu.name if found and found.gpu else "ready, no GPU found" if found else "ready"


def _running(clip: MovieClip | None) -> str:
    """Return what an operation does now that concerns the clip, or the engine as a whole; empty if nothing does."""
    status = session.status
    is_concerned = not status.clip or (clip is not None and job_queue.is_on(clip))
    return progress_text(status) if status.busy and is_concerned else ""


def _with_clip(facts: Facts, clip: MovieClip, scene: Scene) -> Facts:
    key = (clip.session_uid, clip.filepath, clip.frame_duration, tuple(clip.size))
    state, problem = _looked_up(key, lambda: _look_at_clip(clip))
    facts = replace(facts, clip=state, clip_name=clip.name, clip_problem=problem)
    if state is not ClipState.READY:
        return facts
    count, at = clips.frame_count(clip), clips.media_frame(clip, scene.frame_current)
    first, last = clips.scene_frame(clip, 0), clips.scene_frame(clip, count - 1)
    return replace(facts, first_frame=None if 0 <= at < count else first, scene_is_short=scene.frame_end < last)


def _look_at_clip(clip: MovieClip) -> tuple[ClipState, str]:
    try:
        check_clip_saved(clip)
    except NotSaved as error:
        return ClipState.LINKED, error.sentence()
    path = Path(os.path.normpath(clips.media_path(clip)))  # as relative paths have dots in the middle
    if path.is_dir():
        return ClipState.UNREADABLE, f"{path} is a folder. Open the movie, or the first image in it"
    if not path.is_file():
        return ClipState.MISSING, f"Footage not found: {path}"
    try:
        clips.known_size(clip)
        clips.first_number(clip)
    except EngineError as error:
        return ClipState.UNREADABLE, error.sentence()
    if not clips.frame_count(clip):
        return ClipState.UNREADABLE, f"Blender cannot read the clip {path}"
    return ClipState.READY, ""


def _with_objects(facts: Facts, clip: MovieClip) -> Facts:
    matting, masks, item = clip.matting, mask_ids(clip), active_object(clip)
    return replace(
        facts,
        objects=tuple((row, one.name) for row, one in enumerate(matting.objects) if one.role == "OBJECT"),
        active=item and Active(matting.active_object, item.name, item.role != "OBJECT", item.lock, item.show),
        keyframes=sum(key.object_id not in masks for key in matting.keyframes),
        is_painting=settings().use_paint,
    )


def _with_mattes(facts: Facts, clip: MovieClip, scene: Scene) -> Facts:
    matting, told, paused = clip.matting, forecast.watch(clip), job_queue.paused()
    facts = replace(
        facts,
        mattes=len(results(clip).numbers),
        in_range=matting.use_range,
        paused=clip in paused and not session.status.busy,
        waits=clip in job_queue.waiting(),
        due=len(told.due) if told else None,
        kept=len(told.left) if told else 0,
    )
    if not facts.mattes:
        return facts
    is_wired = compositor.group_node(scene, clip) is not None
    differ = is_wired and not scene_settings.suits(scene, clip)
    facts = replace(facts, is_used=is_wired or _is_used(clip), renders_differ=differ)
    return _with_fixes(facts, clip, scene.frame_current) if quality_list.watch(clip) else facts


def _is_used(clip: MovieClip) -> bool:
    """Return whether mask layers or files were made of the clip's mattes."""
    return bool(clip.matting.mask or clip.matting.export_folder)


def _with_fixes(facts: Facts, clip: MovieClip, at: int) -> Facts:
    fixes, item = [fix for fix in quality.to_fix(clip) if not fix.corrected], active_object(clip)
    active = item.object_id if item is not None else None
    here = next((fix for fix in fixes if fix.object_id == active and fix.first <= at <= fix.last), None)
    return replace(
        facts,
        to_fix=len(fixes),
        fix_here=(here.object_id, here.first, here.last) if here else None,
        fix_words=here.words if here else "",
        fix_is_before=all(fix.worst < at for fix in fixes),
    )
