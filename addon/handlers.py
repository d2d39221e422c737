"""Handlers that run before and after Blender loads a file, before it saves one, and after an undo."""

from __future__ import annotations

import logging

import bpy
from bpy.app.handlers import persistent

from ..engine.shared.errors import EngineError
from . import (
    brush_settings,
    folders,
    forecast,
    job_queue,
    lane_watch,
    notices,
    painting,
    snapping,
    state_watch,
    stroke_snap,
)
from .session import session

_log = logging.getLogger(__name__)


def register() -> None:
    """Add the handlers."""
    bpy.app.handlers.load_pre.append(_before_load)
    bpy.app.handlers.load_post.append(_after_load)
    bpy.app.handlers.save_pre.append(_before_save)
    bpy.app.handlers.undo_post.append(_after_undo)


def unregister() -> None:
    """Remove the handlers."""
    bpy.app.handlers.load_pre.remove(_before_load)
    bpy.app.handlers.load_post.remove(_after_load)
    bpy.app.handlers.save_pre.remove(_before_save)
    bpy.app.handlers.undo_post.remove(_after_undo)


@persistent
def _before_load(*_: object) -> None:
    snapping.forget()
    stroke_snap.forget()
    notices.clear()
    session.discard_clip_job()
    folders.clear_assigned_folders()
    painting.forget()
    forecast.forget()
    job_queue.forget()
    state_watch.forget()
    lane_watch.forget()
    brush_settings.keep()


@persistent
def _after_load(*_: object) -> None:
    brush_settings.restore()
    for clip in bpy.data.movieclips:
        if not clip.matting.recipe:  # Blender reads a stored recipe that is no longer in the menu as ""
            clip.matting.property_unset("recipe")
        if not clip.matting.weights:
            clip.matting.property_unset("weights")


@persistent
def _before_save(*_: object) -> None:
    """Store strokes that could not be stored when they were painted, if they can be now."""
    try:
        painting.store_again()
    except EngineError as error:
        _log.warning("a painted keyframe is not saved: %s", error.sentence())  # the panel shows that it is not stored


@persistent
def _after_undo(*_: object) -> None:
    stroke_snap.forget()
