"""Objects of a clip: adding, finding and removing them."""

from __future__ import annotations

import colorsys

from bpy.types import MovieClip

from ..engine.shared.errors import TooManyObjects
from .folders import existing_folder
from .properties import MatteObject

MAX_OBJECTS = 255  # a label image has one byte per pixel, and 0 is the background
_HUE_STEP = 0.618034  # golden ratio: neighbours in the list get clearly different hues


def add_object(clip: MovieClip, *, name: str = "", object_id: int | None = None) -> MatteObject:
    """Add an object and make it active. Raises TooManyObjects if the clip already has MAX_OBJECTS."""
    matting = clip.matting
    number = _free_id(clip) if object_id is None else object_id
    item = matting.objects.add()
    item.object_id = number
    item.name = name or f"Object {number}"
    item.colour = colorsys.hsv_to_rgb((0.38 + (number - 1) * _HUE_STEP) % 1.0, 0.85, 0.95)
    matting.active_object = len(matting.objects) - 1
    clip.use_fake_user = True  # Blender does not save unused data-blocks, and the objects would be lost
    return item


def find_object(clip: MovieClip, object_id: int) -> MatteObject | None:
    """Return the object with this number, or None."""
    return next((item for item in clip.matting.objects if item.object_id == object_id), None)


def active_object(clip: MovieClip) -> MatteObject | None:
    """Return the object selected in the list, or None."""
    matting = clip.matting
    if 0 <= matting.active_object < len(matting.objects):
        return matting.objects[matting.active_object]
    return None


def remove_active_object(clip: MovieClip) -> str:
    """Remove the active object and its keyframes, and return its name. Its files are kept for undo."""
    matting = clip.matting
    item = active_object(clip)
    assert item is not None  # callers check that an object is active
    name, object_id = item.name, item.object_id
    for index in reversed(range(len(matting.keyframes))):
        if matting.keyframes[index].object_id == object_id:
            matting.keyframes.remove(index)
    matting.objects.remove(matting.active_object)
    matting.active_object = min(matting.active_object, max(len(matting.objects) - 1, 0))
    return name


def _free_id(clip: MovieClip) -> int:
    """Return the smallest unused object number, preferring numbers for which a removed object left no mattes on disk.

    Raises TooManyObjects.
    """
    used = {item.object_id for item in clip.matting.objects}
    free = [number for number in range(1, MAX_OBJECTS + 1) if number not in used]
    if not free:
        raise TooManyObjects(f"the clip already has {MAX_OBJECTS} objects, which is the maximum")
    folder = existing_folder(clip)
    untouched = (number for number in free if not folder.matte_sequence(number).exists()) if folder else iter(free)
    return next(untouched, free[0])
