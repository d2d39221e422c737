"""Sets of still images with a mask each, from which methods are pre-trained: a reader of their usual layouts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ...media.pictures import is_picture
from ..errors import DatasetMissing
from .folders import images_in, subfolders

_IMAGE_FOLDERS = ("image", "images", "img", "imgs", "jpegimages")  # ends of the names of folders, in lower case
_KNOWN = ("fss", "fss-1000", "duts-tr", "duts-te", "ecssd", "big", "big_small", "hrsod", "hrsod_small", "msra10k")
_MASK_FOLDERS = ("mask", "masks", "gt", "annotations", "ground_truth_mask")


@dataclass(frozen=True)
class Pair:
    """An image and its mask."""

    image: Path
    mask: Path


def static_pairs(root: Path) -> list[Pair]:
    """List the pairs in a folder: name.jpg beside name.png (DUTS, ECSSD, BIG, HRSOD as STCN and XMem unpack them), the
    same in a folder per class (FSS), or a folder of images beside one of masks (DUTS-TR-Image and DUTS-TR-Mask).

    Images without a mask are left out. Raises DatasetMissing if there is no pair.
    """
    found = sorted({*_beside(root), *_in_folders(root)}, key=lambda pair: str(pair.image))
    if not found:
        raise DatasetMissing(
            f"{root} has no images with masks: neither name.jpg beside name.png, nor folders of images and of masks",
            remedy="Name the folder of one set, such as static/DUTS-TR.",
        )
    return found


def _beside(root: Path) -> Iterator[Pair]:
    for folder in (root, *subfolders(root)):
        files = images_in(folder)
        masks = {file.stem: file for file in files if file.suffix.lower() == ".png"}
        for file in files:
            if file.suffix.lower() in (".jpg", ".jpeg") and file.stem in masks:
                yield Pair(file, masks[file.stem])


def _in_folders(root: Path) -> Iterator[Pair]:
    inner = subfolders(root)
    masks: dict[str, Path] = {}
    for folder in (one for one in inner if one.name.lower().endswith(_MASK_FOLDERS)):
        masks |= {file.stem: file for file in images_in(folder) if is_picture(file)}
    for folder in (one for one in inner if one.name.lower().endswith(_IMAGE_FOLDERS)):
        for file in images_in(folder):
            if file.stem in masks:
                yield Pair(file, masks[file.stem])


def find_static(root: Path) -> list[tuple[Path, int]]:
    """Return the folders of known sets of still images in and below a folder, and how many pairs each has."""
    folders = (root, *subfolders(root), *(inner for one in subfolders(root) for inner in subfolders(one)))
    known = [folder for folder in folders if folder.name.lower() in _KNOWN]
    found = []
    for folder in known:
        with suppress(DatasetMissing):
            found.append((folder, len(static_pairs(folder))))
    return found
