"""Handlers that run before and after Blender loads a file, before it saves or renders, and after changes and undo."""

from __future__ import annotations

import logging

import bpy
from bpy.app.handlers import persistent
from bpy.types import Depsgraph, Scene

from ..engine.shared.errors import EngineError
from . import (
    brush_settings,
    compositor_watch,
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
    bpy.app.handlers.depsgraph_update_post.append(_after_update)
    bpy.app.handlers.render_init.append(_before_render)


def unregister() -> None:
    """Remove the handlers."""
    bpy.app.handlers.load_pre.remove(_before_load)
    bpy.app.handlers.load_post.remove(_after_load)
    bpy.app.handlers.save_pre.remove(_before_save)
    bpy.app.handlers.undo_post.remove(_after_undo)
    bpy.app.handlers.depsgraph_update_post.remove(_after_update)
    bpy.app.handlers.render_init.remove(_before_render)


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
    compositor_watch.stop()


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
    """Store strokes that could not be stored when they were painted, and make groups in compositors fit their clips."""
    compositor_watch.fit_all()
    try:
        painting.store_again()
    except EngineError as error:
        _log.warning("a painted keyframe is not saved: %s", error.sentence())  # the panel shows that it is not stored


@persistent
def _after_undo(*_: object) -> None:
    stroke_snap.forget()
    compositor_watch.watch()


@persistent
def _after_update(scene: Scene, depsgraph: Depsgraph) -> None:
    if depsgraph.id_type_updated("MOVIECLIP"):
        compositor_watch.watch()


@persistent
def _before_render(*_: object) -> None:
    if bpy.app.background:  # else this is another thread, in which nothing may be changed
        compositor_watch.fit_all()
