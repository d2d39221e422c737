"""Garbage and hold-out masks of a clip, as the engine takes them away from its mattes."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
from bpy.types import MovieClip

from ..engine.shared.errors import KeyframeUnreadable
from ..engine.shared.types import Exclusion, ExclusionImage
from . import clips
from .keyframes import image_path
from .mask_frames import image_hashes
from .properties import MatteObject


def job_exclusions(clip: MovieClip, frames: range) -> tuple[Exclusion, ...]:
    """Return the clip's garbage and hold-out masks on these media frames, and render those that are Blender's masks.

    A garbage mask covers all objects, a hold-out mask those below it in the list. Masks that cover nothing are left
    out. Raises KeyframeUnreadable, ClipUnreadable, BlenderLimit, DiskFull, FolderNotWritable.
    """
    exclusions = []
    for item, objects in masks_and_objects(clip):
        images = _rendered(clip, item, frames) if item.source_mask else _marked(clip, item)
        if images:
            exclusions.append(Exclusion(images, objects, item.role == "GARBAGE" and item.invert))
    return tuple(exclusions)


def masks_and_objects(clip: MovieClip) -> Iterator[tuple[MatteObject, tuple[int, ...] | None]]:
    """Yield the clip's garbage and hold-out masks, and the numbers of the objects that each covers; None: all."""
    items = [*clip.matting.objects]
    for row, item in enumerate(items):
        is_garbage = item.role == "GARBAGE"
        below = tuple(sorted(other.object_id for other in items[row:] if other.role == "OBJECT"))
        if item.role != "OBJECT" and (is_garbage or below):
            yield item, None if is_garbage else below


def _marked(clip: MovieClip, item: MatteObject) -> tuple[ExclusionImage, ...]:
    """Return the images of the mask's keyframes. Raises KeyframeUnreadable if one is missing."""
    images = []
    for number, version in sorted(
        (key.number, key.version) for key in clip.matting.keyframes if key.object_id == item.object_id
    ):
        path = image_path(clip, version)
        if not path.is_file():
            raise KeyframeUnreadable(
                f"the image of {item.name} on frame {clips.scene_frame_of(clip, number)} is missing: {path}",
                remedy="Make this keyframe again, or clear it.",
            )
        images.append(ExclusionImage(clips.media_frame_of(clip, number), path))
    return tuple(images)


def _rendered(clip: MovieClip, item: MatteObject, frames: range) -> tuple[ExclusionImage, ...]:
    """Return the images of the Blender mask that the item uses, each on the first frame that it serves."""
    window = bpy.context.window or bpy.context.window_manager.windows[0]
    scene_frames = [clips.scene_frame(clip, frame) for frame in frames]
    hashes = image_hashes(clip, item.source_mask, scene_frames, window)
    changes = [at for at in range(len(hashes)) if at == 0 or hashes[at] != hashes[at - 1]]
    return tuple(ExclusionImage(frames[at], image_path(clip, hashes[at])) for at in changes)
