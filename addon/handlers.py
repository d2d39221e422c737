"""Handlers around loading, saving, rendering, changes of data and of the frame, undo and redo."""

from __future__ import annotations

import logging
from collections.abc import Callable

import bpy
from bpy.app.handlers import persistent
from bpy.types import Depsgraph, Scene

from ..engine.shared.errors import EngineError
from . import (
    brush_settings,
    compositor_watch,
    file_version,
    folders,
    forecast,
    homes,
    job_queue,
    lane_watch,
    mask_watch,
    matte_files,
    notices,
    outcomes,
    painting,
    refine_preview,
    refining,
    snapping,
    state_watch,
    stroke_snap,
)
from .session import session

_log = logging.getLogger(__name__)


def register() -> None:
    """Add the handlers."""
    for handlers, handler in _handlers():
        handlers.append(handler)


def unregister() -> None:
    """Remove the handlers."""
    for handlers, handler in _handlers():
        handlers.remove(handler)


def _handlers() -> list[tuple[list[Callable[..., None]], Callable[..., None]]]:
    """Return each handler after the list of Blender's that it belongs to."""
    lists = bpy.app.handlers
    return [
        (lists.load_pre, _before_load),
        (lists.load_post, _after_load),
        (lists.save_pre, _before_save),
        (lists.save_post, _after_save),
        (lists.save_post_fail, _after_failed_save),
        (lists.undo_post, _after_undo),
        (lists.redo_post, _after_redo),
        (lists.depsgraph_update_pre, _before_update),
        (lists.depsgraph_update_post, _after_update),
        (lists.frame_change_pre, _before_frame),
        (lists.frame_change_post, _after_frame),
        (lists.render_init, _before_render),
    ]


@persistent
def _before_load(*_: object) -> None:
    snapping.forget()
    refining.forget()
    matte_files.forget()
    refine_preview.forget()
    stroke_snap.forget()
    notices.clear()
    session.reset(of_clips=True)
    outcomes.forget_clips()
    folders.clear_assigned_folders()
    homes.forget()
    painting.forget()
    forecast.forget()
    job_queue.forget()
    state_watch.forget()
    lane_watch.forget()
    brush_settings.keep()
    compositor_watch.stop()
    mask_watch.forget()


@persistent
def _after_load(*_: object) -> None:
    brush_settings.restore()
    for clip in bpy.data.movieclips:
        if not clip.matting.recipe:  # Blender reads a stored recipe that is no longer in the menu as ""
            clip.matting.property_unset("recipe")
        if not clip.matting.weights:
            clip.matting.property_unset("weights")
    homes.mend_images()


@persistent
def _before_save(blend: str, *_: object) -> None:
    """Store strokes that could not be stored when they were painted, have folders of mattes lie beside the file, and
    make groups in compositors fit their clips.
    """
    file_version.stamp()
    try:
        painting.store_again()
    except EngineError as error:
        _log.warning("a painted keyframe is not saved: %s", error.sentence())  # the panel shows that it is not stored
    for uid, text in homes.before_save(blend):
        notices.show(uid, text)
    compositor_watch.fit_all()


@persistent
def _after_save(blend: str, *_: object) -> None:
    homes.after_save(blend)


@persistent
def _after_failed_save(*_: object) -> None:
    homes.after_failed_save()


@persistent
def _after_undo(scene: Scene, *_: object) -> None:
    stroke_snap.forget()
    homes.mend_images()
    compositor_watch.watch()
    mask_watch.after_undo(scene)


@persistent
def _after_redo(scene: Scene, *_: object) -> None:
    homes.mend_images()
    mask_watch.after_undo(scene)


@persistent
def _before_update(scene: Scene, *_: object) -> None:
    mask_watch.before_update(scene)


@persistent
def _after_update(scene: Scene, depsgraph: Depsgraph) -> None:
    if depsgraph.id_type_updated("MOVIECLIP"):
        compositor_watch.watch()
    mask_watch.after_update(scene, depsgraph)


@persistent
def _before_frame(scene: Scene, *_: object) -> None:
    mask_watch.before_frame(scene)


@persistent
def _after_frame(scene: Scene, depsgraph: Depsgraph) -> None:
    mask_watch.after_frame(scene, depsgraph)


@persistent
def _before_render(*_: object) -> None:
    if bpy.app.background:  # else this is another thread, in which nothing may be changed
        compositor_watch.fit_all()
