"""Rows of the keyframe and suggestion lists: the current frame's row, and going to a clicked row's frame."""

from __future__ import annotations

import bpy
from bpy.types import PropertyGroup, bpy_prop_collection

from ..engine.shared.errors import EngineError
from . import clips
from .session import session


def keyframe_row(matting: PropertyGroup) -> int:
    """Return the list row of a keyframe on the current frame, if possible the active object's; -1 if there is none."""
    rows = _rows(matting, matting.keyframes)
    active = matting.objects[matting.active_object] if matting.active_object < len(matting.objects) else None
    active_rows = [row for row in rows if active and matting.keyframes[row].object_id == active.object_id]
    return next(iter((*active_rows, *rows)), -1)


def go_to_keyframe(matting: PropertyGroup, row: int) -> None:
    """Go to the frame of the keyframe in `row`, and make its object active."""
    if 0 <= row < len(matting.keyframes):
        key = matting.keyframes[row]
        _go(matting, key.number)
        numbers = [item.object_id for item in matting.objects]
        if key.object_id in numbers:
            matting.active_object = numbers.index(key.object_id)


def suggestion_row(matting: PropertyGroup) -> int:
    """Return the list row of the suggestion for the current frame; -1 if there is none."""
    return next(iter(_rows(matting, matting.suggestions)), -1)


def go_to_suggestion(matting: PropertyGroup, row: int) -> None:
    """Go to the suggested frame in `row`."""
    if 0 <= row < len(matting.suggestions):
        _go(matting, matting.suggestions[row].number)


def _rows(matting: PropertyGroup, items: bpy_prop_collection) -> list[int]:
    """Return the list rows of all `items` (keyframes or suggestions) on the scene's current frame."""
    clip = matting.id_data
    current = clips.number(clip, clips.media_frame(clip, bpy.context.scene.frame_current))
    return [row for row, item in enumerate(items) if item.number == current]


def _go(matting: PropertyGroup, number: int) -> None:
    """Go to the frame with the file number `number`. As a property cannot report an error, the session shows it."""
    try:
        clips.show(bpy.context.scene, clips.scene_frame_of(matting.id_data, number))
    except EngineError as error:
        session.show(error)
