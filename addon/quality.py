"""Quality of a clip's mattes: by scene frame, the stretches to fix, and what is not known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import bpy
import numpy as np
from bpy.types import MovieClip

from ..engine.shared.errors import ClipUnreadable
from ..engine.shared.mask_images import counted
from ..engine.shared.protocol import MatteReady
from ..engine.shared.quality_table import DAMAGED_RECORD, MatteRow, Status, Unknown
from ..engine.shared.stretches import Stretch
from . import clips, recipes, reviews
from .folders import existing_folder
from .objects import find_object, matted_objects
from .quality_rows import Summary
from .state_reader import reader

_MADE_GOOD = (Unknown.NOT_RECORDED, Unknown.OTHER_VERSION, Unknown.DAMAGED)  # by propagating again


@dataclass(frozen=True)
class Fix:
    """A stretch of frames on which the mattes of an object need a fix, in the scene's frames."""

    object_id: int
    first: int
    last: int
    worst: int
    words: str  # why
    corrected: bool  # whether a keyframe of the object was set there since


def receiver(clip: MovieClip) -> Callable[[MatteReady], None]:
    """Return a function that takes in what a job on the clip tells of mattes that it has just written."""
    folder = existing_folder(clip)
    assert folder is not None  # the folder exists because keyframes are stored in it
    return partial(_receive, folder.root, clips.first_number(clip))


def _receive(root: Path, first_number: int, ready: MatteReady) -> None:
    reader.tell(root, first_number + ready.frame, ready.qualities)


def summary(clip: MovieClip) -> Summary | None:
    """Return what is known of the clip's mattes; None if they have not been read yet, or there are none.

    While many mattes are being written, it may be somewhat older than they are.
    """
    folder = existing_folder(clip)
    return reader.summary(folder) if folder is not None else None


def by_scene_frame(clip: MovieClip) -> dict[int, dict[int, MatteRow]]:
    """Return what is known of each matte, by object and by scene frame; empty if it has not been read yet."""
    found = summary(clip)
    shift = clips.scene_frame_of(clip, 0)
    wanted = {item.object_id for item in matted_objects(clip)}
    rows = found.rows if found else {}
    return {
        object_id: {number + shift: row for number, row in of_object.items()}
        for object_id, of_object in rows.items()
        if object_id in wanted
    }


def to_fix(clip: MovieClip) -> list[Fix]:
    """List the stretches to fix of the objects in the clip's list, by frame, then by the order of the objects."""
    found = summary(clip)
    places = {item.object_id: place for place, item in enumerate(matted_objects(clip))}
    stretches = [stretch for stretch in found.stretches if stretch.object_id in places] if found else []
    if not stretches:
        return []
    try:
        shift, media = clips.scene_frame_of(clip, 0), clips.media_frame_of(clip, 0)
    except ClipUnreadable:  # the panel is drawn for clips that cannot be read, too
        return []
    count, keyframes = clips.frame_count(clip), _Keyframes(clip)
    inside = [one for one in stretches if one.first + media >= 0 and one.last + media < count]
    inside.sort(key=lambda one: (one.first, places[one.object_id]))
    return [
        Fix(one.object_id, one.first + shift, one.last + shift, one.worst + shift, one.words, keyframes.are_within(one))
        for one in inside
    ]


def go_to(clip: MovieClip, fix: Fix) -> None:
    """Go to the worst frame of a stretch, and make its object active. Raises BlenderLimit."""
    clips.show(bpy.context.scene, fix.worst)
    numbers = [item.object_id for item in clip.matting.objects]
    if fix.object_id in numbers:
        clip.matting.active_object = numbers.index(fix.object_id)


def accept(clip: MovieClip, object_id: int, first: int, last: int) -> int:
    """Accept the computed mattes of an object on the scene frames `first` to `last`, and return how many there are.

    They are not listed as to fix or suggested any more, until they change.
    """
    found, item = summary(clip), find_object(clip, object_id)
    if found is None or item is None:
        return 0
    numbers = range(clips.number_at(clip, first), clips.number_at(clip, last) + 1)
    computed = {
        number: row.quality
        for number, row in found.rows.get(object_id, {}).items()
        if number in numbers and row.status is Status.COMPUTED and row.quality is not None
    }
    reviews.accept(item, {number: reviews.mark_of(quality) for number, quality in computed.items()})
    return len(computed)


def is_accepted(clip: MovieClip, object_id: int, number: int) -> bool:
    """Return whether the matte of an object, or each matte (0), on a frame is accepted, and has not changed since."""
    found = summary(clip)
    wanted = [object_id] if object_id else [item.object_id for item in matted_objects(clip)]
    return found is not None and all(number in found.accepted.get(one, ()) for one in wanted)


def name_of(clip: MovieClip, object_id: int) -> str:
    """Return the name of an object, or its number if it is no longer in the list."""
    item = find_object(clip, object_id)
    return item.name if item else str(object_id)


def unknown_sentences(clip: MovieClip) -> list[str]:
    """Say of which mattes it is not known whether to trust them, as far as the user can do something about it."""
    found = summary(clip)
    if found is None:
        return []
    sentences = [
        f"{recipes.short_name(method)} is not calibrated: which of its mattes to trust is not known"
        for method in found.uncalibrated
    ]
    if old := sum(found.unknown[reason] for reason in _MADE_GOOD):
        sentences.append(
            f"Another version of Keymatte made {counted(old, 'matte')}: which to trust is not known. Propagate again"
        )
    if found.has_lost and (folder := existing_folder(clip)) is not None:
        sentences.append(f"{DAMAGED_RECORD}. It is in {folder.root}")
    return sentences


class _Keyframes:
    """The keyframes of a clip, to be asked about many stretches."""

    def __init__(self, clip: MovieClip) -> None:
        keyframes = clip.matting.keyframes
        self._ids, self._first, self._frames = (np.empty(len(keyframes), np.intc) for _ in range(3))
        keyframes.foreach_get("object_id", self._ids)
        keyframes.foreach_get("number", self._first)
        keyframes.foreach_get("frames", self._frames)

    def are_within(self, stretch: Stretch) -> bool:
        """Return whether the object has a keyframe on a frame of the stretch, or is not visible there."""
        last = self._first + self._frames - 1
        touches = (self._first <= stretch.last) & (last >= stretch.first)
        return bool((touches & (self._ids == stretch.object_id)).any())
