"""What went wrong while the user looks at the picture: a text that stays over the clip for some seconds."""

from __future__ import annotations

import time

import bpy

from .listening import redraw

SECONDS = 8.0

_clip_uid, _text, _end = 0, "", 0.0


def show(clip_uid: int, text: str) -> None:
    """Show a text over the clip with this `session_uid`, in place of an earlier one."""
    global _clip_uid, _text, _end
    _clip_uid, _text, _end = clip_uid, text, time.monotonic() + SECONDS
    redraw()
    if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=SECONDS)


def text_over(clip_uid: int) -> str:
    """Return the text to show over a clip now; empty if there is none."""
    return _text if clip_uid == _clip_uid and time.monotonic() < _end else ""


def clear() -> None:
    """Take the text away, since what it is about is over."""
    global _clip_uid, _text, _end
    if _text:
        _clip_uid, _text, _end = 0, "", 0.0
        redraw()
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)


def _tick() -> float | None:
    left = _end - time.monotonic()
    if left > 0:  # a later text has taken the place of the one that the timer was started for
        return left
    clear()
    return None
