"""Reading of folders of keyframes: the frame, the meaning and the objects of each mask image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from ..shared.errors import KeyframeNameUnclear, KeyframeOutsideClip, NoKeyframes
from ..shared.mask_images import MaskImage, Masks, Meaning, counted, summary
from ..shared.matte_folder import is_number
from ..shared.types import KeyframeFile
from .label_images import label_files, mask_meanings, read_objects
from .mask_names import MaskName, object_name, object_numbers, read_mask_names
from .names import FrameNames, check_for_twins, in_natural_order
from .pictures import is_picture

_FROM_0 = (
    "The frames of a movie are counted from 0, but images that FFmpeg saves from it from 1: subtract 1 from the "
    "numbers of all keyframes, or use these images as the clip."
)


@dataclass(frozen=True)
class _Mask:
    """A mask image of a folder, as far as it is known before its objects have their numbers."""

    file: Path
    name: MaskName
    meaning: Meaning
    ids: tuple[int, ...]  # in the image
    share: float  # of the frame that they cover, 0..1
    soft: bool


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
    _check_for_other_clips(files, clip_title)
    names = read_mask_names(files, folder, frame_names)
    for file in files:
        _check_frame(file, names[file], frame_names)
    meanings = mask_meanings(files, masks, size=size)
    found = [_read(file, names[file], meaning) for file, meaning in zip(files, meanings)]
    if not any(mask.ids for mask in found):
        raise NoKeyframes(f"the label images in {folder} show no objects")
    _check_for_two_of_one_object(found)
    object_ids = _object_ids(found, frame_names) if _named_objects(found) else {}
    keyframes = [_keyframe(mask, object_ids.get(mask.name.rest)) for mask in found]
    if tell:
        tell(_told(found, keyframes, object_ids))
    if unlabelled == "absent":
        keyframes = _with_absent_objects(keyframes)
    shown = (keyframe for keyframe in keyframes if keyframe.objects)
    return tuple(sorted(shown, key=lambda keyframe: (keyframe.frame, keyframe.objects)))


def mask_files(folder: Path) -> list[Path]:
    """List the images of a folder or, if it has none, those of its folders. Raises NoKeyframes."""
    inside = list(folder.iterdir()) if folder.is_dir() else []
    if any(is_picture(path) for path in inside):
        return label_files(folder)
    folders = in_natural_order(path for path in inside if path.is_dir() and not path.name.startswith("."))
    if any(is_number(path.name) for path in folders):  # as the extension writes them, beside their earlier versions
        folders = [path for path in folders if path.name != "versions"]
    files = [path for folder in folders for path in in_natural_order(folder.iterdir()) if is_picture(path)]
    return files or label_files(folder)


def _check_for_other_clips(files: Sequence[Path], clip_title: str) -> None:
    """Raise KeyframeNameUnclear if the folders of the masks are one for each of several clips."""
    folders = {file.parent.name: file.parent for file in files}
    if clip_title in folders and len(folders) > 1:
        own = folders[clip_title]
        raise KeyframeNameUnclear(
            f"{own.parent} has a folder of the clip's name, {clip_title}, beside {len(folders) - 1} others, "
            "which seem to be of other clips",
            remedy=f"Choose {own}, or rename it if it is an object.",
        )


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


def _read(file: Path, name: MaskName, meaning: Meaning) -> _Mask:
    image: MaskImage = read_objects(file, meaning)
    counts = np.bincount(image.labels.ravel(), minlength=256)
    share = float(counts[1:].sum() / max(image.labels.size, 1))
    ids = tuple(int(id_) for id_ in np.flatnonzero(counts[1:]) + 1)
    return _Mask(file, name, meaning, ids, share, image.alpha is not None)


def _check_for_two_of_one_object(masks: Sequence[_Mask]) -> None:
    """Raise KeyframeNameUnclear if two masks of a frame have names that differ only in how the number is written."""
    seen: dict[tuple[int | None, str], Path] = {}
    for mask in masks:
        other = seen.setdefault((mask.name.frame, mask.name.rest), mask.file)
        if other != mask.file:
            raise KeyframeNameUnclear(
                f"{other.name} and {mask.file.name} are both for frame {mask.name.number}",
                remedy="Keep one of them, or name their objects: 00005_car.png, 00005_person.png.",
            )


def _named_objects(masks: Sequence[_Mask]) -> bool:
    """Return whether the names say which object a mask shows: those of masks that have no object numbers.

    Neither do images with numbers if all show the same one, as files for several objects of a frame do.
    """
    if any(mask.meaning.masks in (Masks.BINARY, Masks.ALPHA) for mask in masks):
        return True
    if any(mask.meaning.masks == Masks.COLOURS for mask in masks) or len({i for mask in masks for i in mask.ids}) > 1:
        return False
    frames = [mask.name.frame for mask in masks if mask.ids]
    in_folders = len({mask.file.parent for mask in masks}) > 1
    return in_folders or len(set(frames)) < len(frames)


def _object_ids(masks: Sequence[_Mask], names: FrameNames) -> dict[str, int]:
    """Return the number of each object that the names name, by the rest of the name."""
    rests = object_numbers([mask.name.rest for mask in masks], names)
    if len(rests) > 255:
        raise KeyframeNameUnclear(f"the masks' names name {len(rests)} objects; there can be 255")
    return rests


def _keyframe(mask: _Mask, object_id: int | None) -> KeyframeFile:
    assert mask.name.frame is not None  # checked before
    objects = mask.ids if object_id is None else (object_id,) * bool(mask.ids)
    return KeyframeFile(mask.name.frame, mask.file, objects, mask.meaning, object_id)


def _told(masks: Sequence[_Mask], keyframes: Sequence[KeyframeFile], object_ids: dict[str, int]) -> str:
    """Say what was taken from the masks."""
    shown = [mask for mask in masks if mask.ids]
    meaning = shown[0].meaning
    several = len(object_ids) > 1  # the name of a single one says nothing, such as `shot`, unless it is a folder's
    names = {object_id: object_name(rest) for rest, object_id in object_ids.items() if several or "/" in rest}
    ids = sorted({id_ for keyframe in keyframes for id_ in keyframe.objects})
    share = sum(mask.share for mask in shown) / len({mask.name.frame for mask in shown})
    text = summary(meaning, ids, share, soft=any(mask.soft for mask in shown), names=names)
    return f"keyframes: {counted(len(masks), 'image')}, {text}"


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
