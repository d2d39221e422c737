"""Files of a clip's mattes that results are made of: refined ones of objects whose edges are refined."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bpy.types import MovieClip

from ..engine.shared.files import modified_ns
from ..engine.shared.refined import RefinedMattes
from ..engine.shared.refinement import RefinedObject
from .folders import existing_folder
from .objects import find_object, matte_numbers, matted_objects
from .refine_settings import refined_object


def objects_to_refine(clip: MovieClip, object_ids: Iterable[int] | None = None) -> tuple[RefinedObject, ...]:
    """Return the objects whose edges are made anew, of those given or of all, and how."""
    wanted = None if object_ids is None else {*object_ids}
    items = (item for item in matted_objects(clip) if wanted is None or item.object_id in wanted)
    return tuple(refined_object(item.object_id, item.refinement) for item in items if item.refinement.use)


def matte_files(clip: MovieClip, object_id: int) -> list[Path]:
    """List the files of an object's mattes for use, by number: refined ones if it has them all up to date."""
    folder = existing_folder(clip)
    if folder is None:
        return []
    numbers = matte_numbers(clip, object_id)
    item = find_object(clip, object_id)
    if item is not None and item.refinement.use and numbers:
        one, state = refined_object(object_id, item.refinement), RefinedMattes(folder)
        found = [state.path(one, number) for number in numbers]
        if all(found):
            return [path for path in found if path is not None]
    return [folder.matte(object_id, number) for number in numbers]


def state_of(clip: MovieClip, object_id: int) -> str:
    """Return what `matte_files` depends on, as text; it is another one whenever the files are others."""
    folder, item = existing_folder(clip), find_object(clip, object_id)
    if folder is None or item is None:
        return ""
    changed = modified_ns(folder.matte_sequence(object_id))
    if not item.refinement.use:
        return str(changed)
    return f"{changed} refined {modified_ns(folder.refined.matte_sequence(object_id))} {item.refinement.refinement()}"
