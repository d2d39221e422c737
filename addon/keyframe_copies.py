"""Copies of all keyframes of an object for its duplicate."""

from __future__ import annotations

from bpy.types import MovieClip

from . import keyframes


def copy_keyframes(clip: MovieClip, source_id: int, target_id: int) -> int:
    """Give the object `target_id` the keyframes of the object `source_id`, and return how many.

    Both share the images, which are never changed. Raises KeyframeUnreadable for keyframes of old files, whose images
    hold the number of their object.
    """
    keys = clip.matting.keyframes
    rows = [row for row, key in enumerate(keys) if key.object_id == source_id]
    renewed = {
        row: keyframes.store_image(clip, keyframes.keyframe_alpha(clip, keys[row]))
        for row in rows
        if not keys[row].is_alpha
    }
    copies = [
        (keys[row].number, keys[row].absent, keys[row].frames, renewed.get(row, keys[row].version), keys[row].area)
        for row in rows
    ]
    for values in copies:
        copy = keys.add()
        copy.object_id, copy.is_alpha = target_id, True
        copy.number, copy.absent, copy.frames, copy.version, copy.area = values
        keyframes.put_in_place(clip, len(keys) - 1)
    return len(copies)
