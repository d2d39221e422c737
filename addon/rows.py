"""Rows of the keyframe and suggestion lists: the current frame's row, and going to a clicked row's frame."""

from __future__ import annotations

import bpy
from bpy.types import PropertyGroup

from ..engine.shared.errors import EngineError
from . import clips
from .session import session


def keyframe_row(matting: PropertyGroup) -> int:
    """Return the list row of a keyframe on the current frame, if possible the active object's; -1 if there is none.

    A range on which an object is not visible counts on all of its frames, unless a keyframe overrides it.
    """
    current = _current_number(matting)
    keys = enumerate(matting.keyframes)
    rows = [row for row, key in keys if key.number <= current < key.number + key.frames]
    rows.sort(key=lambda row: matting.keyframes[row].number != current)
    active = _active_id(matting)
    active_rows = [row for row in rows if matting.keyframes[row].object_id == active]
    return next(iter((*active_rows, *rows)), -1)


def keyframe_order(matting: PropertyGroup) -> list[int]:
    """Return the rows of all keyframes as the list shows them: by frame, then by the order of the objects."""
    order = {item.object_id: place for place, item in enumerate(matting.objects)}
    keys = [(key.number, order.get(key.object_id, len(order))) for key in matting.keyframes]
    return sorted(range(len(keys)), key=lambda row: keys[row])


def shown_keyframes(matting: PropertyGroup) -> list[bool]:
    """Return for each keyframe whether the list shows it."""
    only = _active_id(matting) if matting.keyframes_of_active else None
    return [only is None or key.object_id == only for key in matting.keyframes]


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
    current = _current_number(matting)
    return next((row for row, item in enumerate(matting.suggestions) if item.number == current), -1)


def go_to_suggestion(matting: PropertyGroup, row: int) -> None:
    """Go to the suggested frame in `row`."""
    if 0 <= row < len(matting.suggestions):
        _go(matting, matting.suggestions[row].number)


def _active_id(matting: PropertyGroup) -> int | None:
    """Return the number of the active object, or None. `objects.active_object` needs the properties, these the rows."""
    active = matting.active_object
    return matting.objects[active].object_id if 0 <= active < len(matting.objects) else None


def _current_number(matting: PropertyGroup) -> int:
    """Return the file number of the scene's current frame."""
    clip = matting.id_data
    return clips.number_at(clip, bpy.context.scene.frame_current)


def _go(matting: PropertyGroup, number: int) -> None:
    """Go to the frame with the file number `number`. As a property cannot report an error, the session shows it."""
    try:
        clips.show(bpy.context.scene, clips.scene_frame_of(matting.id_data, number))
    except EngineError as error:
        session.show(error, matting.id_data.session_uid)
