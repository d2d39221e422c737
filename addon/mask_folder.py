"""Folders of mask images for a clip: their frames, their objects, and what their colours stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import bpy
from bpy.types import MovieClip

from ..engine.shared.errors import KeyframeNotLabels, KeyframeOutsideClip, NoKeyframes
from ..engine.shared.mask_folders import (
    FolderMask,
    check_for_other_clips,
    check_for_two_of_one_object,
    find_masks,
    listed,
    named_objects,
)
from ..engine.shared.mask_images import Masks, Meaning, StoredImage, read_mask
from ..engine.shared.mask_looks import MaskLook, look
from ..engine.shared.mask_meaning import meanings_of
from ..engine.shared.mask_names import MaskName, read_mask_names
from ..engine.shared.names import check_for_twins
from . import clips, mask_images

_MAX_KEPT = 1 << 29  # bytes of images that are kept in memory rather than read again
_RIM = 0.15  # share of a colour's pixels up to which their neighbours may have it too if it is the shade of an edge


@dataclass
class MaskFolder:
    """The masks of a folder that are for frames of a clip."""

    masks: list[FolderMask]
    object_ids: dict[str, int]  # by the rest of the masks' names, if these say which object a mask shows
    skipped: list[str]  # names of files that are for no frame of the clip
    images: Images
    background: int | None = None  # the colour, 0xRRGGBB, that is likely to be no object, if it is not black

    @property
    def colours(self) -> tuple[int, ...]:
        """Return the colours, 0xRRGGBB, of which only the user knows what they are."""
        return self.masks[0].meaning.colours if self.masks[0].meaning.masks == Masks.COLOURS else ()

    @property
    def frames(self) -> list[int]:
        """Return the media frames, ascending."""
        return sorted({mask.name.frame for mask in self.masks if mask.name.frame is not None})


@dataclass
class Images:
    """Images read for a clip, kept in memory as long as they are not too many."""

    clip: MovieClip
    _kept: dict[Path, StoredImage] = field(default_factory=dict)
    _bytes: int = 0

    def read(self, path: Path) -> StoredImage:
        """Return an image. Raises ImageUnreadable, KeyframeSizeMismatch."""
        if path in self._kept:
            return self._kept[path]
        image = mask_images.read_for(self.clip, path)
        self._bytes += image.values.nbytes + (0 if image.alpha is None else image.alpha.nbytes)
        if self._bytes <= _MAX_KEPT:
            self._kept[path] = image
        return image


def read_folder(folder: Path, clip: MovieClip, masks: Masks) -> MaskFolder:
    """Find the masks of a folder that are for frames of the clip, without setting anything.

    Raises NoKeyframes, KeyframeOutsideClip, KeyframeNameUnclear, SeveralSequences, ImageUnreadable,
    KeyframeSizeMismatch, and KeyframeNotLabels if it cannot be told what the images hold.
    """
    files = find_masks(folder, _is_picture)
    if not files:
        raise NoKeyframes(f"there are no images in {folder}", remedy="Choose a folder of mask images.")
    check_for_twins(files)
    first = clips.media_path(clip)
    check_for_other_clips(files, first.stem if clip.source == "MOVIE" else first.parent.name)
    frame_names = clips.frame_names(clip)
    names = read_mask_names(files, folder, frame_names)
    used = [file for file in files if names[file].frame is not None]
    skipped = [file.name for file in files if names[file].frame is None]
    if not used:
        numbers = f"{frame_names.numbers[0]} to {frame_names.numbers[-1]}"
        raise KeyframeOutsideClip(
            f"no image in {folder} has the number of a frame in its name, such as {listed(skipped)}; "
            f"the clip has {_numbers_are(clip)} {numbers}",
            remedy="Name the images by the numbers of their frames.",
        )
    check_for_two_of_one_object([(file, names[file]) for file in used])
    images = Images(clip)
    looks = [look(images.read(file)) for file in used]
    meanings = _meanings(looks, masks)
    found = [_read(images, file, names[file], meaning) for file, meaning in zip(used, meanings)]
    if not any(mask.ids for mask in found):
        raise NoKeyframes(f"the images in {folder} show no objects", remedy="Choose a folder of mask images.")
    return MaskFolder(found, named_objects(found, frame_names), skipped, images, _background(looks))


def numbering(clip: MovieClip) -> str:
    """Say what the numbers in the names of masks are for this clip."""
    return f"numbers read as {_numbers_are(clip)}"


# -- reading -----------------------------------------------------------------------------------------------------------
def _is_picture(path: Path) -> bool:
    """Return whether Blender reads files of this name as images; hidden ones are none."""
    return path.suffix.lower() in bpy.path.extensions_image and not path.name.startswith(".") and path.is_file()


def _meanings(looks: Sequence[MaskLook], masks: Masks) -> list[Meaning]:
    """Decide how the images are read; flat colours without a black background are asked about too."""
    try:
        return meanings_of(looks, masks)
    except KeyframeNotLabels:
        shades = [v for mask in looks for v in mask.pixels if mask.inner[v] <= _RIM * mask.pixels[v]]
        flat = all(mask.form == "colour" and not mask.lossy and not mask.transparent for mask in looks)
        if masks != Masks.AUTO or not flat or shades or any(0 in mask.pixels for mask in looks):
            raise
        return meanings_of(looks, Masks.COLOURS)


def _background(looks: Sequence[MaskLook]) -> int | None:
    """Return the most frequent colour of images without black, 0xRRGGBB; None if there is black, or no colour."""
    if any(0 in mask.pixels or mask.form != "colour" for mask in looks):
        return None
    totals: dict[int, int] = {}
    for mask in looks:
        for value, count in mask.pixels.items():
            totals[int(value)] = totals.get(int(value), 0) + count
    return max(totals, key=lambda colour: totals[colour])


def _read(images: Images, file: Path, name: MaskName, meaning: Meaning) -> FolderMask:
    return FolderMask.of(file, name, meaning, read_mask(images.read(file), meaning))


def _numbers_are(clip: MovieClip) -> str:
    return "scene frames" if clip.source == "MOVIE" else "file numbers of the clip's images"
