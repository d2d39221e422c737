"""Timer that polls the session while an operation runs, and redraws its status."""

from __future__ import annotations

import bpy

from . import homes, job_queue
from .current_job import unexpected
from .session import session

PUMP_SECONDS = 0.1
_SEGMENT_SECONDS = 0.02  # while the user waits for a segmentation


def listen() -> None:
    """Start a timer that calls `session.pump` ten times a second until nothing runs. No effect in background mode."""
    if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=PUMP_SECONDS, persistent=True)


def listen_closely() -> None:
    """Start the timer at once, and call `session.pump` more often, until segmentation jobs are answered."""
    stop_listening()
    if not bpy.app.background:
        bpy.app.timers.register(_tick, first_interval=0.0, persistent=True)


def stop_listening() -> None:
    """Remove the timer."""
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)


def _tick() -> float | None:
    if _go_on():
        redraw()
    if session.answers_due:
        return _SEGMENT_SECONDS
    return PUMP_SECONDS if session.status.busy or session.unanswered or job_queue.is_due() else None


def _go_on() -> bool:
    """Take in what the engine has answered, move folders, start the next run, and return whether anything changed."""
    try:
        return session.pump() | homes.settle() | job_queue.advance()
    except Exception as error:  # a mistake in Keymatte; Blender would end the timer, and nothing could be started again
        uid = session.status.clip_uid
        session.reset()
        session.show(unexpected(error), uid)
        return True


def redraw() -> None:
    """Redraw all clip editors, which show mattes, strokes and the session's status, and the preferences."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in ("CLIP_EDITOR", "PREFERENCES"):
                area.tag_redraw()
