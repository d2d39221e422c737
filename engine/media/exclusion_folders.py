"""Reading of folders of garbage and hold-out masks: the frame and the meaning of each image."""

from __future__ import annotations

from pathlib import Path

from ..shared.errors import KeyframeNameUnclear, KeyframeOutsideClip
from ..shared.mask_images import Masks
from ..shared.mask_names import read_mask_names
from ..shared.names import FrameNames
from ..shared.types import Exclusion, ExclusionImage
from .label_images import label_files, mask_meanings


def read_exclusion(
    path: Path, numbers: tuple[int, ...], size: tuple[int, int], *, stems: tuple[str, ...] = ()
) -> Exclusion:
    """Read an image, which counts for the whole clip, or a folder of images, each for its frame and those after it.

    `numbers` and `stems` name the media frames, see `FrameReader.names`; `size` is the clip's (H, W).
    Raises NoKeyframes, KeyframeOutsideClip, KeyframeNameUnclear, KeyframeNotLabels, KeyframeUnreadable,
    KeyframeSizeMismatch.
    """
    files = label_files(path)
    meanings = mask_meanings(files, Masks.AUTO, size=size)
    if path.is_file():
        return Exclusion((ExclusionImage(0, path, meanings[0]),))
    names = read_mask_names(files, path, FrameNames(numbers, stems))
    images: dict[int, ExclusionImage] = {}
    for file, meaning in zip(files, meanings):
        frame = names[file].frame
        if frame is None:
            raise KeyframeOutsideClip(f"mask {file.name} is for no frame of the clip, {numbers[0]} to {numbers[-1]}")
        if frame in images:
            raise KeyframeNameUnclear(f"{images[frame].path.name} and {file.name} are both for the same frame")
        images[frame] = ExclusionImage(frame, file, meaning)
    return Exclusion(tuple(images[frame] for frame in sorted(images)))
