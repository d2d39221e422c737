"""What a job on a clip would be given now, gathered without changing anything in Blender or on disk."""

from __future__ import annotations

from bpy.types import MovieClip

from ..engine.shared.matte_folder import MatteFolder
from ..engine.shared.types import Exclusion, ExclusionImage, KeyframeFile
from .exclusions import masks_and_objects
from .keyframes import file_of, in_order, range_ends


def stored_keyframes(clip: MovieClip, folder: MatteFolder, first: int, count: int) -> tuple[KeyframeFile, ...]:
    """Return what `keyframe_files` returns, of the `count` frames from the file number `first` on.

    The images are those that are stored, of which the engine is given copies.
    """
    files = [
        (key, file_of(key, folder.keyframe_version(key.version), key.number - first))
        for key in in_order(clip)
        if 0 <= key.number - first < count
    ]
    return tuple(file for key, file in files) + range_ends(files, first, count)


def stored_exclusions(clip: MovieClip, folder: MatteFolder, first: int) -> tuple[Exclusion, ...] | None:
    """Return what `job_exclusions` returns, of a clip whose first frame has this number.

    Returns None if one is a Blender mask, which would have to be rendered.
    """
    found = []
    keys = [*clip.matting.keyframes]
    for item, objects in masks_and_objects(clip):
        if item.source_mask is not None:
            return None
        marked = sorted((key.number, key.version) for key in keys if key.object_id == item.object_id)
        if marked:
            images = tuple(
                ExclusionImage(number - first, folder.keyframe_version(version)) for number, version in marked
            )
            found.append(Exclusion(images, objects, item.role == "GARBAGE" and item.invert))
    return tuple(found)
