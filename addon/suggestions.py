"""Suggested frames: where a further keyframe would help most; a list on the clip."""

from __future__ import annotations

import bpy
from bpy.types import MovieClip

from ..engine.shared.protocol import Suggested
from . import clips


def keep(clip_id: int, found: Suggested) -> str:
    """Make the list of the clip with this session_uid what was `found`; what came of it, in words."""
    clip = next((each for each in bpy.data.movieclips if each.session_uid == clip_id), None)
    if clip is None:
        return "The clip has gone"
    clear(clip)
    matting = clip.matting
    marked = {key.number for key in matting.keyframes}  # some may have been made meanwhile
    for frame, score in zip(found.frames, found.scores, strict=True):
        number = clips.number(clip, frame)
        if number not in marked:
            item = matting.suggestions.add()
            item.number, item.score = number, score
    bpy.ops.ed.undo_push(message="Suggest Frames")  # or the next undo would take the list away
    count = len(matting.suggestions)
    if not count:
        return "No frame differs from those that have keyframes"
    return f"{count} frame{'s' if count > 1 else ''} suggested"


def leave_out(clip: MovieClip, number: int) -> None:
    """The frame whose files carry `number` has a keyframe now."""
    items = clip.matting.suggestions
    for index in reversed(range(len(items))):
        if items[index].number == number:
            items.remove(index)


def clear(clip: MovieClip) -> None:
    """Forget all suggestions."""
    clip.matting.suggestions.clear()
