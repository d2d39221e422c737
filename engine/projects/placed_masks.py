"""Mask images whose names have the position of their frame, as XMem++'s program and its importer read them.

The first integer in a name is the frame's position in the sorted list of frames, from 0, whatever the frames are named.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..media.keyframe_folders import mask_files
from ..media.label_images import mask_meanings, read_objects
from ..shared.errors import KeyframeNameUnclear, KeyframeOutsideClip, NoKeyframes
from ..shared.mask_images import PALETTE, Masks, Meaning
from ..shared.types import KeyframeFile

_WHITE = (255, 255, 255)
_INTEGER = re.compile("[0-9]+")


@dataclass(frozen=True)
class PlacedMask:
    """A mask image, the position of its frame, how it is read, and the objects that it shows."""

    file: Path
    frame: int
    meaning: Meaning
    ids: tuple[int, ...]

    def keyframe(self) -> KeyframeFile:
        """Return the mask as a keyframe of the objects that it shows."""
        return KeyframeFile(self.frame, self.file, self.ids, self.meaning)


def placed_masks(
    folder: Path, count: int, *, size: tuple[int, int] | None = None, kind: Masks = Masks.AUTO
) -> tuple[PlacedMask, ...]:
    """Read the masks in a folder for a clip of `count` frames, by position, without those that show no object.

    `size` is the clip's (H, W), if the masks must have it. Colours mean the same objects in all images.
    Raises NoKeyframes, KeyframeNameUnclear, KeyframeOutsideClip, KeyframeUnreadable, KeyframeNotLabels,
    KeyframeSizeMismatch.
    """
    files = mask_files(folder)
    frames = _positions(files, count)
    found = []
    for file, frame, meaning in zip(files, frames, mask_meanings(files, kind, size=size), strict=True):
        counts = np.bincount(read_objects(file, meaning).labels.ravel(), minlength=256)
        found.append(PlacedMask(file, frame, meaning, tuple(int(id_) for id_ in np.flatnonzero(counts[1:]) + 1)))
    shown = [mask for mask in found if mask.ids]
    if not shown:
        raise NoKeyframes(f"the masks in {folder} show no objects")
    return tuple(sorted(shown, key=lambda mask: mask.frame))


def object_colours(masks: tuple[PlacedMask, ...]) -> dict[int, tuple[int, int, int]]:
    """Return the colour (R, G, B) of each object, as the masks have it; of object numbers, that of DAVIS' palette."""
    if all(mask.meaning.masks in (Masks.BINARY, Masks.ALPHA) for mask in masks):
        return {1: _WHITE} if masks else {}
    named = next((mask.meaning.colours for mask in masks if mask.meaning.colours), ())
    ids = sorted({id_ for mask in masks for id_ in mask.ids})
    return {id_: _rgb(named[id_ - 1]) if id_ <= len(named) else _of_palette(id_) for id_ in ids}


def _positions(files: list[Path], count: int) -> list[int]:
    """Return the position of each mask's frame. Raises KeyframeNameUnclear, KeyframeOutsideClip."""
    positions: dict[int, Path] = {}
    for file in files:
        number = _INTEGER.search(file.stem)
        if number is None:
            raise KeyframeNameUnclear(f"mask {file.name} has no number in its name", remedy="Name it like 00005.png.")
        frame = int(number[0][:12])
        if frame >= count:
            raise KeyframeOutsideClip(
                f"mask {file.name} is for frame {frame}, but the clip has frames 0 to {count - 1}",
                remedy="The first number in a mask's name is the position of its frame, counted from 0.",
            )
        if frame in positions:
            raise KeyframeNameUnclear(
                f"masks {positions[frame].name} and {file.name} are both for frame {frame}", remedy="Keep one of them."
            )
        positions[frame] = file
    return list(positions)


def _rgb(colour: int) -> tuple[int, int, int]:
    return colour >> 16, colour >> 8 & 255, colour & 255


def _of_palette(id_: int) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in PALETTE[id_])
    return red, green, blue
