"""Handlers that run before and after Blender loads a file."""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from . import folders, snapping
from .session import session


def register() -> None:
    """Add the load handlers."""
    bpy.app.handlers.load_pre.append(_before_load)
    bpy.app.handlers.load_post.append(_after_load)


def unregister() -> None:
    """Remove the load handlers."""
    bpy.app.handlers.load_pre.remove(_before_load)
    bpy.app.handlers.load_post.remove(_after_load)


@persistent
def _before_load(*_: object) -> None:
    snapping.forget()
    session.discard_clip_job()
    folders.clear_assigned_folders()


@persistent
def _after_load(*_: object) -> None:
    for clip in bpy.data.movieclips:
        if not clip.matting.recipe:  # Blender reads a stored recipe that is no longer in the menu as ""
            clip.matting.property_unset("recipe")
        if not clip.matting.weights:
            clip.matting.property_unset("weights")
