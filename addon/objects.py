"""Objects and masks of a clip: adding, finding, ordering, duplicating, protecting and removing them."""

from __future__ import annotations

import colorsys

from bpy.types import MovieClip

from ..engine.shared.errors import ObjectLocked, TooManyObjects
from ..engine.shared.mask_images import counted
from ..engine.shared.matte_folder import is_number
from .folders import existing_folder
from .properties import MatteObject
from .refine_settings import copy_settings

MAX_OBJECTS = 255  # a label image has one byte per pixel, and 0 is the background
_MASK_IDS = range(256, 1000)  # numbers of garbage and hold-out masks, which no label image has to hold
_HUE_STEP = 0.618034  # golden ratio: neighbours in the list get clearly different hues
_NAMES = {"GARBAGE": "Garbage", "HOLDOUT": "Hold-Out"}
_MASK_COLOURS = {"GARBAGE": (0.55, 0.08, 0.08), "HOLDOUT": (0.25, 0.35, 0.55)}
_COPIED = ("role", "show", "source_mask", "invert")


def add_object(clip: MovieClip, *, name: str = "", object_id: int | None = None, role: str = "OBJECT") -> MatteObject:
    """Add an object or, by its `role`, a mask, and make it active. Raises TooManyObjects.

    A hold-out mask is put on top of the list, so that it covers all objects.
    """
    matting = clip.matting
    number = _free_id(clip, role) if object_id is None else object_id
    item = matting.objects.add()
    item.object_id, item.role = number, role
    item.name = name or _new_name(clip, number, role)
    item.colour = _MASK_COLOURS.get(role) or colorsys.hsv_to_rgb((0.38 + (number - 1) * _HUE_STEP) % 1.0, 0.85, 0.95)
    matting.active_object = len(matting.objects) - 1
    clip.use_fake_user = True  # Blender does not save unused data-blocks, and the objects would be lost
    if role == "HOLDOUT":
        matting.objects.move(matting.active_object, 0)
        matting.active_object = 0
    return matting.objects[matting.active_object]


def find_object(clip: MovieClip, object_id: int) -> MatteObject | None:
    """Return the object with this number, or None."""
    return next((item for item in clip.matting.objects if item.object_id == object_id), None)


def active_object(clip: MovieClip) -> MatteObject | None:
    """Return the object selected in the list, or None."""
    matting = clip.matting
    if 0 <= matting.active_object < len(matting.objects):
        return matting.objects[matting.active_object]
    return None


def matted_objects(clip: MovieClip) -> list[MatteObject]:
    """Return the objects that get mattes, in the list's order; masks are left out."""
    return [item for item in clip.matting.objects if item.role == "OBJECT"]


def mask_ids(clip: MovieClip) -> set[int]:
    """Return the numbers of the garbage and hold-out masks."""
    return {item.object_id for item in clip.matting.objects if item.role != "OBJECT"}


def visible_objects(clip: MovieClip) -> list[MatteObject]:
    """Return the objects and masks to show over the clip, in the list's order: those with Solo, if there are any."""
    shown = [item for item in clip.matting.objects if item.show]
    return [item for item in clip.matting.objects if item.solo] or shown


def keyframe_count(clip: MovieClip, object_id: int) -> int:
    """Return the number of an object's keyframes."""
    return sum(key.object_id == object_id for key in clip.matting.keyframes)


def has_keyframes(clip: MovieClip) -> bool:
    """Return whether any object has a keyframe; garbage and hold-out masks do not count."""
    masks = mask_ids(clip)
    return any(key.object_id not in masks for key in clip.matting.keyframes)


def matte_numbers(clip: MovieClip, object_id: int) -> list[int]:
    """Return the file numbers of the frames for which there is a matte of the object on disk, ascending."""
    folder = existing_folder(clip)
    if folder is None or object_id > MAX_OBJECTS or not folder.matte_sequence(object_id).is_dir():
        return []
    paths = folder.matte_sequence(object_id).iterdir()
    return sorted(int(path.stem) for path in paths if is_number(path.stem) and path.suffix == ".png")


def lost_with(clip: MovieClip, item: MatteObject) -> str:
    """Say what goes when an object is removed: "3 keyframes and mattes on 40 frames"; empty if nothing does."""
    marked, matted = keyframe_count(clip, item.object_id), len(matte_numbers(clip, item.object_id))
    parts = [counted(marked, "keyframe")] if marked else []
    parts += [f"mattes on {counted(matted, 'frame')}"] if matted else []
    return " and ".join(parts)


def check_unlocked(clip: MovieClip, object_id: int) -> None:
    """Raise ObjectLocked if the object's keyframes are protected."""
    item = find_object(clip, object_id)
    if item is not None and item.lock:
        raise ObjectLocked(f"{item.name} is locked")


def clear_keyframes(clip: MovieClip, object_id: int) -> int:
    """Remove all keyframes of an object, and return how many. Their images are kept for undo. Raises ObjectLocked."""
    check_unlocked(clip, object_id)
    keys = clip.matting.keyframes
    rows = [row for row, key in enumerate(keys) if key.object_id == object_id]
    for row in reversed(rows):
        keys.remove(row)
    return len(rows)


def move_active_object(clip: MovieClip, step: int) -> bool:
    """Move the active object up (-1) or down (1) in the list, and return whether it was not at the end already."""
    matting = clip.matting
    target = matting.active_object + step
    if not 0 <= target < len(matting.objects):
        return False
    matting.objects.move(matting.active_object, target)
    matting.active_object = target
    return True


def duplicate_active_object(clip: MovieClip) -> MatteObject:
    """Add a copy of the active object below it, without keyframes and unlocked, and make it active.

    Raises TooManyObjects.
    """
    matting = clip.matting
    row = matting.active_object
    original = active_object(clip)
    assert original is not None  # callers check that an object is active
    name, values = original.name, {field: getattr(original, field) for field in _COPIED}
    item = add_object(clip, role=values["role"])
    for field, value in values.items():
        setattr(item, field, value)
    # The original is found anew: an item that was added may have moved it in memory.
    copy_settings(matting.objects[row + (values["role"] == "HOLDOUT")].refinement, item.refinement)
    item.name = _copy_name(clip, name)
    original_row = row + (values["role"] == "HOLDOUT")  # which is added on top
    matting.objects.move(matting.active_object, original_row + (values["role"] != "HOLDOUT"))
    matting.active_object = row + 1
    return matting.objects[matting.active_object]


def remove_active_object(clip: MovieClip) -> str:
    """Remove the active object and its keyframes, and return its name. Its files are kept for undo.

    Raises ObjectLocked.
    """
    matting = clip.matting
    item = active_object(clip)
    assert item is not None  # callers check that an object is active
    name = item.name
    clear_keyframes(clip, item.object_id)
    matting.objects.remove(matting.active_object)
    matting.active_object = min(matting.active_object, max(len(matting.objects) - 1, 0))
    return name


def _new_name(clip: MovieClip, number: int, role: str) -> str:
    """Return a name for a new object: its number, or for a mask the first number that its kind has not used."""
    if role == "OBJECT":
        return f"Object {number}"
    names = {item.name for item in clip.matting.objects}
    return next(name for count in range(1, len(names) + 2) if (name := f"{_NAMES[role]} {count}") not in names)


def _copy_name(clip: MovieClip, name: str) -> str:
    """Return the name with a number as Blender gives copies: chair.001."""
    names = {item.name for item in clip.matting.objects}
    base = name[:-4] if name[-4:-3] == "." and name[-3:].isdigit() else name
    return next(copy for count in range(1, len(names) + 2) if (copy := f"{base}.{count:03d}") not in names)


def _free_id(clip: MovieClip, role: str) -> int:
    """Return the smallest unused number, preferring numbers for which a removed object left no mattes on disk.

    Raises TooManyObjects.
    """
    used = {item.object_id for item in clip.matting.objects}
    numbers = range(1, MAX_OBJECTS + 1) if role == "OBJECT" else _MASK_IDS
    free = [number for number in numbers if number not in used]
    if not free:
        kind = "objects" if role == "OBJECT" else "masks"
        raise TooManyObjects(f"the clip already has {len(numbers)} {kind}, which is the maximum")
    folder = existing_folder(clip)
    untouched = (number for number in free if not folder.matte_sequence(number).exists()) if folder else iter(free)
    return next(untouched, free[0])
