"""Which mattes of a clip the outlines on disk do not show, because a run was interrupted before it traced them."""

from __future__ import annotations

from collections.abc import Iterable

from bpy.types import MovieClip

from ..engine.shared.files import modified_ns
from ..engine.shared.outlines import Outlines
from . import clips
from .folders import existing_folder, traced_first_number
from .objects import matte_numbers


def untraced_frames(clip: MovieClip, object_ids: Iterable[int]) -> set[int]:
    """Return the scene frames on which a matte of these objects is newer than the outlines, or not among them.

    Objects without outlines are left out. Raises OutlinesUnreadable, ClipUnreadable.
    """
    folder = existing_folder(clip)
    if folder is None:
        return set()
    recorded = traced_first_number(folder)
    first = clips.first_number(clip) if recorded is None else recorded
    found: set[int] = set()
    for object_id in object_ids:
        path = folder.outlines(object_id)
        if date := modified_ns(path):
            traced = {first + int(frame) for frame in Outlines.load(path).frames}
            found.update(
                number
                for number in matte_numbers(clip, object_id)
                if number not in traced or modified_ns(folder.matte(object_id, number)) > date
            )
    return {clips.scene_frame_of(clip, number) for number in found}
