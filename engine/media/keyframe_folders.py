"""Reading of folders of keyframes: the frame, the meaning and the objects of each mask image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from ..shared.errors import KeyframeOutsideClip, NoKeyframes
from ..shared.mask_folders import (
    FolderMask,
    check_for_other_clips,
    check_for_two_of_one_object,
    described,
    find_masks,
    named_objects,
    without_objects,
)
from ..shared.mask_images import Masks
from ..shared.mask_names import MaskName, read_mask_names
from ..shared.names import FrameNames, check_for_twins
from ..shared.types import KeyframeFile
from .label_images import label_files, mask_meanings, read_objects
from .pictures import is_picture

_FROM_0 = (
    "The frames of a movie are counted from 0, but images that FFmpeg saves from it from 1: subtract 1 from the "
    "numbers of all keyframes, or use these images as the clip."
)


def read_keyframes(
    folder: Path,
    numbers: tuple[int, ...],
    size: tuple[int, int],
    *,
    stems: tuple[str, ...] = (),
    unlabelled: Literal["unknown", "absent"] = "unknown",
    masks: Masks = Masks.AUTO,
    clip_title: str = "",
    tell: Callable[[str], None] | None = None,
) -> tuple[KeyframeFile, ...]:
    """Read keyframes from a folder of mask images, one with a folder for each object, or a single image.

    `numbers` and `stems` name the media frames, see `FrameReader.names`; `size` is the clip's (H, W). `masks` says what
    the images hold. With `unlabelled="unknown"` an image annotates only the objects that it shows; with "absent" it
    also annotates all other objects of the folder as absent. Folders are no objects if one has the `clip_title`, as in
    data sets of several clips. `tell` is called with a sentence that says what was taken. The keyframes are sorted by
    frame and object, so that where they overlap, the object with the higher number is in front.

    Raises NoKeyframes, KeyframeOutsideClip, KeyframeNameUnclear, KeyframeNotLabels, KeyframeUnreadable,
    KeyframeSizeMismatch, and SeveralSequences for images that differ in their suffixes only.
    """
    frame_names = FrameNames(numbers, stems)
    files = mask_files(folder)
    check_for_twins(files)
    check_for_other_clips(files, clip_title)
    names = read_mask_names(files, folder, frame_names)
    for file in files:
        _check_frame(file, names[file], frame_names)
    meanings = mask_meanings(files, masks, size=size)
    found = [
        FolderMask.of(file, names[file], meaning, read_objects(file, meaning)) for file, meaning in zip(files, meanings)
    ]
    if not any(mask.ids for mask in found):
        raise NoKeyframes(f"the label images in {folder} show no objects")
    check_for_two_of_one_object([(mask.file, mask.name) for mask in found])
    object_ids = named_objects(found, frame_names)
    keyframes = [_keyframe(mask, object_ids.get(mask.name.rest)) for mask in found]
    if tell:
        tell(f"keyframes: {described(found, object_ids)}")
    if unlabelled == "absent":
        keyframes = _with_absent_objects(keyframes)
    elif tell and (ignored := without_objects(found)):
        tell(f"keyframes {ignored}. With --unlabelled absent, they say that no object is visible there.")
    shown = (keyframe for keyframe in keyframes if keyframe.objects)
    return tuple(sorted(shown, key=lambda keyframe: (keyframe.frame, keyframe.objects)))


def mask_files(folder: Path) -> list[Path]:
    """List the images of a folder or, if it has none, those of its folders. Raises NoKeyframes."""
    return find_masks(folder, is_picture) or label_files(folder)


def _check_frame(file: Path, name: MaskName, names: FrameNames) -> None:
    """Raise KeyframeOutsideClip if a mask is for no frame of the clip."""
    if name.frame is None:
        first, last = names.numbers[0], names.numbers[-1]
        reason = "has no frame number in its name" if name.number is None else f"is for frame {name.number}"
        counted_from_1 = not names.stems and name.number == last + 1
        raise KeyframeOutsideClip(
            f"keyframe {file.name} {reason}; the clip has frames {first} to {last}",
            remedy=_FROM_0 if counted_from_1 else "",
        )


def _keyframe(mask: FolderMask, object_id: int | None) -> KeyframeFile:
    assert mask.name.frame is not None  # checked before
    objects = mask.ids if object_id is None else (object_id,) * bool(mask.ids)
    return KeyframeFile(mask.name.frame, mask.file, objects, mask.meaning, object_id)


def _with_absent_objects(keyframes: list[KeyframeFile]) -> list[KeyframeFile]:
    """Add to each frame's first image, as absent, the objects that none of the frame's images shows."""
    all_objects = {id_ for keyframe in keyframes for id_ in keyframe.objects}
    completed = []
    frames_done: set[int] = set()
    for keyframe in keyframes:
        objects = set(keyframe.objects)
        if keyframe.frame not in frames_done:
            visible = {id_ for other in keyframes if other.frame == keyframe.frame for id_ in other.objects}
            objects |= all_objects - visible
        frames_done.add(keyframe.frame)
        completed.append(replace(keyframe, objects=tuple(sorted(objects))))
    return completed
