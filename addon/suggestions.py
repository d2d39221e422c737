"""List of suggested frames of a clip, on which another keyframe would help most."""

from __future__ import annotations

import bpy
from bpy.types import MovieClip

from ..engine.shared.protocol import Suggested
from ..engine.shared.reasons import FIRST
from . import clips, quality
from .objects import mask_ids
from .status import Result


def store(clip_uid: int, suggested: Suggested) -> Result:
    """Store suggested frames on the clip whose session_uid is `clip_uid`, and return what to tell.

    Frames that have a keyframe by now, or mattes that were accepted, are left out.
    """
    clip = clips.find_clip(clip_uid)
    if clip is None:
        return Result("The clip no longer exists")
    clear(clip)
    matting = clip.matting
    masks = mask_ids(clip)
    marked = [key for key in matting.keyframes if key.object_id not in masks]
    annotated = {key.number for key in marked}  # includes keyframes made in the meantime
    for frame, object_id, reason in zip(suggested.frames, suggested.objects, suggested.reasons, strict=True):
        number = clips.number(clip, frame)
        is_open = number not in annotated and not quality.is_accepted(clip, object_id, number)
        if 0 <= frame < clips.frame_count(clip) and is_open:
            item = matting.suggestions.add()
            item.number, item.object_id, item.reason = number, object_id, reason
    bpy.ops.ed.undo_push(message="Suggest Frames")  # without this, the next undo would remove the list
    count = len(matting.suggestions)
    if not count:
        return Result("No frame differs from the frames with keyframes")
    if matting.suggestions[0].reason == FIRST:
        return Result(f"Mark frame {clips.scene_frame_of(clip, matting.suggestions[0].number)} first")
    text = f"{count} frame{'s' if count > 1 else ''} suggested"
    return Result(f"{text}. {suggested.note}" if suggested.note else text)


def remove(clip: MovieClip, number: int) -> None:
    """Remove the frame with the file number `number` from the list, because it has a keyframe now.

    Suggestions of which frame to mark first are then all outdated.
    """
    items = clip.matting.suggestions
    if items and items[0].reason == FIRST:
        clear(clip)
    for index in reversed(range(len(items))):
        if items[index].number == number:
            items.remove(index)


def remove_accepted(clip: MovieClip) -> None:
    """Remove the frames on which the object to mark, or each object, was accepted as it is."""
    items = clip.matting.suggestions
    for index in reversed(range(len(items))):
        if quality.is_accepted(clip, items[index].object_id, items[index].number):
            items.remove(index)


def clear(clip: MovieClip) -> None:
    """Remove all suggestions."""
    clip.matting.suggestions.clear()
