"""Files of a clip's mattes that results are made of: refined ones of objects whose edges are refined."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from bpy.types import MovieClip

from ..engine.shared.files import modified_ns
from ..engine.shared.matte_folder import MatteFolder, is_number
from ..engine.shared.refined import RefinedMattes
from ..engine.shared.refinement import RefinedObject
from .folders import existing_folder
from .objects import find_object, matte_numbers, matted_objects
from .refine_settings import refined_object

_LOOK_AGAIN = 0.5  # seconds after which the record of refined mattes is read again, if it has changed
_states: dict[Path, tuple[float, int, RefinedMattes]] = {}  # by folder: when it was read, and the record's date


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
    # All stale settings are alike, so that nothing is made again while the artist moves a slider.
    first = _first_number(folder, object_id, changed)
    is_current = first is not None and refined_state(folder).is_current(
        refined_object(object_id, item.refinement), first
    )
    return f"{changed} refined {modified_ns(folder.refined.matte_sequence(object_id))} {is_current}"


def refined_state(folder: MatteFolder) -> RefinedMattes:
    """Return which mattes are refined, read at most twice a second. Raises FolderNotWritable."""
    now, changed = time.monotonic(), modified_ns(folder.refined.index)
    known = _states.get(folder.root)
    if known is None or (known[1] != changed and now > known[0] + _LOOK_AGAIN):
        known = _states[folder.root] = now, changed, RefinedMattes(folder)
    return known[2]


def forget() -> None:
    """Forget what was read, as another file is loaded."""
    _states.clear()
    _first_number.cache_clear()


@lru_cache(maxsize=256)
def _first_number(folder: MatteFolder, object_id: int, changed: int) -> int | None:
    """Return the number of an object's first matte; None if it has none. `changed` makes the cache forget a folder."""
    stems = (path.stem for path in folder.matte_sequence(object_id).glob("*.png"))
    return min((int(stem) for stem in stems if is_number(stem)), default=None)
