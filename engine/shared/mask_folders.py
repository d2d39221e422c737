"""Folders of masks: their files, which objects these show, and a description of what was taken from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import KeyframeNameUnclear
from .mask_images import MaskImage, Masks, Meaning, counted, summary
from .mask_names import MaskName, object_name, object_numbers
from .matte_folder import is_number
from .names import FrameNames, in_natural_order

_MAX_NAMED = 3  # files that a message names


@dataclass(frozen=True)
class FolderMask:
    """A mask image of a folder, as far as it is known before its objects have their numbers."""

    file: Path
    name: MaskName
    meaning: Meaning
    ids: tuple[int, ...]  # in the image
    share: float  # of the frame that they cover, 0..1
    soft: bool

    @classmethod
    def of(cls, file: Path, name: MaskName, meaning: Meaning, image: MaskImage) -> FolderMask:
        """Return what an image of a folder shows."""
        counts = np.bincount(image.labels.ravel(), minlength=256)
        share = float(counts[1:].sum() / max(image.labels.size, 1))
        ids = tuple(int(id_) for id_ in np.flatnonzero(counts[1:]) + 1)
        return cls(file, name, meaning, ids, share, image.alpha is not None)


def find_masks(folder: Path, is_picture: Callable[[Path], bool]) -> list[Path]:
    """List the images of a folder or, if it has none, those of its folders, in natural order."""
    inside = list(folder.iterdir()) if folder.is_dir() else []
    pictures = in_natural_order(path for path in inside if is_picture(path))
    if pictures:
        return pictures
    folders = in_natural_order(path for path in inside if path.is_dir() and not path.name.startswith("."))
    if any(is_number(path.name) for path in folders):  # as the extension writes them, beside their earlier versions
        folders = [path for path in folders if path.name != "versions"]
    return [path for folder in folders for path in in_natural_order(folder.iterdir()) if is_picture(path)]


def check_for_other_clips(files: Sequence[Path], clip_title: str) -> None:
    """Raise KeyframeNameUnclear if the folders of the masks are one for each of several clips."""
    folders = {file.parent.name: file.parent for file in files}
    if clip_title in folders and len(folders) > 1:
        own = folders[clip_title]
        raise KeyframeNameUnclear(
            f"{own.parent} has a folder of the clip's name, {clip_title}, beside {len(folders) - 1} others, "
            "which seem to be of other clips",
            remedy=f"Choose {own}, or rename it if it is an object.",
        )


def check_for_two_of_one_object(names: Sequence[tuple[Path, MaskName]]) -> None:
    """Raise KeyframeNameUnclear if two masks of a frame have names that differ only in how the number is written."""
    seen: dict[tuple[int | None, str], Path] = {}
    for file, name in names:
        other = seen.setdefault((name.frame, name.rest), file)
        if other != file:
            raise KeyframeNameUnclear(
                f"{other.name} and {file.name} are both for frame {name.number}",
                remedy="Keep one of them, or name their objects: 00005_car.png, 00005_person.png.",
            )


def named_objects(masks: Sequence[FolderMask], names: FrameNames) -> dict[str, int]:
    """Return the number of each object that the masks' names name, by the rest of the name; none if they name none.

    Raises KeyframeNameUnclear for more than 255 objects.
    """
    if not _names_say(masks):
        return {}
    rests = object_numbers([mask.name.rest for mask in masks], names)
    if len(rests) > 255:
        raise KeyframeNameUnclear(
            f"the masks' names name {len(rests)} objects; there can be 255",
            remedy="Put the masks of the others into another folder, and propagate them by a run of their own.",
        )
    return rests


def _names_say(masks: Sequence[FolderMask]) -> bool:
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


def without_objects(masks: Sequence[FolderMask]) -> str:
    """Say which masks show no object and so count for nothing; empty if all show some."""
    names = [mask.file.name for mask in masks if not mask.ids]
    return f"ignored, as they show no object: {listed(names)}" if names else ""


def listed(names: Sequence[str]) -> str:
    """Return the first of some names, and how many more there are."""
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return ", ".join(names[:_MAX_NAMED]) + more


def described(masks: Sequence[FolderMask], object_ids: dict[str, int]) -> str:
    """Say what was taken from the masks, of which at least one shows an object; `object_ids` are those of the names."""
    shown = [mask for mask in masks if mask.ids]
    several = len(object_ids) > 1  # the name of a single one says nothing, such as `shot`, unless it is a folder's
    names = {object_id: object_name(rest) for rest, object_id in object_ids.items() if several or "/" in rest}
    ids = sorted({id_ for mask in shown for id_ in ([object_ids[mask.name.rest]] if object_ids else mask.ids)})
    share = sum(mask.share for mask in shown) / len({mask.name.frame for mask in shown})
    text = summary(shown[0].meaning, ids, share, soft=any(mask.soft for mask in shown), names=names)
    return f"{counted(len(masks), 'image')}, {text}"
