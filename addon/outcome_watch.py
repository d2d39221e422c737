"""Timer that looks once a second, while a problem is shown whose cause lies on the disk, whether it is gone."""

from __future__ import annotations

import bpy

from . import outcomes
from .listening import redraw

_SECONDS = 1.0


def watch() -> None:
    """Look as long as there are such problems, as they are being drawn. No effect in background mode."""
    if outcomes.may_go() and not bpy.app.background and not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=_SECONDS)


def stop() -> None:
    """Remove the timer."""
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)


def _tick() -> float | None:
    if outcomes.look():
        redraw()
    return _SECONDS if outcomes.may_go() else None
