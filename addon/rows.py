"""Rows of lists that stand for frames: which is the shown frame's, and how a click on a row goes to its frame."""

from __future__ import annotations

import bpy
from bpy.types import PropertyGroup

from . import clips


def keyframe_row(matting: PropertyGroup) -> int:
    """The row of the keyframe on the scene's current frame, that of the active object first; -1 if there is none."""
    rows = _rows(matting, matting.keyframes)
    active = matting.objects[matting.active_object] if matting.active_object < len(matting.objects) else None
    own = [row for row in rows if active and matting.keyframes[row].object_id == active.object_id]
    return next(iter((*own, *rows)), -1)


def go_to_keyframe(matting: PropertyGroup, row: int) -> None:
    """Show the frame of a keyframe, and make its object the active one."""
    if 0 <= row < len(matting.keyframes):
        key = matting.keyframes[row]
        _go(matting, key.number)
        numbers = [item.object_id for item in matting.objects]
        if key.object_id in numbers:
            matting.active_object = numbers.index(key.object_id)


def suggestion_row(matting: PropertyGroup) -> int:
    """The row of the scene's current frame among the suggested ones; -1 if it is none of them."""
    return next(iter(_rows(matting, matting.suggestions)), -1)


def go_to_suggestion(matting: PropertyGroup, row: int) -> None:
    """Show a suggested frame."""
    if 0 <= row < len(matting.suggestions):
        _go(matting, matting.suggestions[row].number)


def _rows(matting: PropertyGroup, items) -> list[int]:
    clip = matting.id_data
    shown = clips.number(clip, clips.media_frame(clip, bpy.context.scene.frame_current))
    return [row for row, item in enumerate(items) if item.number == shown]


def _go(matting: PropertyGroup, number: int) -> None:
    clips.show(bpy.context.scene, clips.scene_frame_of(matting.id_data, number))
