"""Keeps clips' groups in compositors in step with the clips' starts, offsets and mattes, without a click."""

from __future__ import annotations

import bpy
from bpy.types import MovieClip

from ..engine.shared.errors import EngineError
from . import compositor, job_queue
from .listening import redraw

_WAIT = 0.1  # seconds until a group follows a change
_BUSY = 1.0  # between looks while Blender renders or a run writes mattes

_problems: dict[int, tuple[str, str]] = {}  # by `session_uid`: the group's state, and why it cannot be made to fit


def watch() -> None:
    """Make all groups fit soon, by a timer. No effect in background mode, where `fit_all` is called before renders."""
    if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=_WAIT)


def watch_if_due(clip: MovieClip) -> None:
    """Make the clip's group fit soon if it does not, as its panel is drawn."""
    if compositor.unfit(clip) and not problem_of(clip):
        watch()


def fit_all() -> None:
    """Make the groups of all clips fit now. A problem is kept for `problem_of`."""
    for clip in bpy.data.movieclips:
        if (state := compositor.unfit(clip)) and _problems.get(clip.session_uid, ("", ""))[0] != state:
            try:
                compositor.refit(clip)
                _problems.pop(clip.session_uid, None)
            except EngineError as error:
                _problems[clip.session_uid] = state, error.sentence()


def problem_of(clip: MovieClip) -> str:
    """Return why the clip's group does not fit the clip; empty if it does, or will soon."""
    state, text = _problems.get(clip.session_uid, ("", ""))
    return text if state and state == compositor.unfit(clip) else ""


def stop() -> None:
    """Remove the timer, and forget all problems."""
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    _problems.clear()


def _tick() -> float | None:
    if any(bpy.app.is_job_running(kind) for kind in ("RENDER", "COMPOSITE")):
        return _BUSY
    unfit = [clip for clip in bpy.data.movieclips if compositor.unfit(clip)]
    if any(job_queue.is_on(clip) for clip in unfit):
        return _BUSY
    fit_all()
    if unfit:
        redraw()
    return None
