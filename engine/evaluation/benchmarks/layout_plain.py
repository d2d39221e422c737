"""Layouts without lists of objects: VOST, Long-Time Video, PUMaVOS, and any folders of frames and masks."""

from __future__ import annotations

from pathlib import Path

from .folders import by_stem, lines_of, subfolders
from .found import Found, Incomplete, expect_images, gather
from .types import Sequence

_LONG = {"1x": "long_video", "3x": "long_video_x3"}  # names of the folders of XMem's distribution
_PAIRS = (("JPEGImages", "Annotations"), ("frames", "masks"), ("images", "masks"))


def fits_vost(folder: Path, split: str) -> bool:
    """Return whether a folder is VOST's, with the list of this split."""
    is_vost = (folder / "JPEGImages_10fps").is_dir() or ("vost" in folder.name.lower() and _has_images(folder))
    return is_vost and (folder / "ImageSets" / f"{split}.txt").is_file()


def read_vost(folder: Path, split: str) -> Found:
    """Read a split of VOST: images at 10 frames per second where they are there, masks at 5."""
    names = lines_of(folder / "ImageSets" / f"{split}.txt")

    def sequence(title: str) -> Sequence:
        fast = folder / "JPEGImages_10fps" / title  # which the authors' evaluator reads; only those of val are there
        return _sequence(
            folder, title, fast if fast.is_dir() else folder / "JPEGImages" / title, hidden=split == "test"
        )

    return gather(folder, names, sequence)


def _has_images(folder: Path) -> bool:
    return (folder / "JPEGImages").is_dir()


def fits_long(folder: Path, split: str) -> bool:
    """Return whether a folder is that of Long-Time Video, 1x or 3x."""
    plain = _has_folders(folder / "JPEGImages") and (folder / "Annotations").is_dir()
    return plain and (folder.name == _LONG[split] or (split == "1x" and folder.name not in _LONG.values()))


def read_long(folder: Path, split: str) -> Found:
    """Read Long-Time Video: masks of few frames, which are the only ones to save."""
    file = folder / "ImageSets" / "val.txt"
    names = lines_of(file) if file.is_file() else [path.name for path in subfolders(folder / "JPEGImages")]

    def sequence(title: str) -> Sequence:
        found = _sequence(folder, title, folder / "JPEGImages" / title)
        return Sequence(found.name, found.frames, found.masks, found.truth, tuple(found.truth))

    return gather(folder, names, sequence)


def fits_folders(folder: Path, split: str) -> bool:
    """Return whether a folder holds frames and masks, of one sequence or of several."""
    return bool(_sequences_in(folder))


def read_folders(folder: Path, split: str) -> Found:
    """Read a folder of frames and masks, or of sequences of these, in any of the usual ways."""
    pairs = _sequences_in(folder)
    return gather(folder, pairs, lambda title: _sequence(folder, title, *pairs[title]))


def hint(root: Path, split: str) -> str:
    """Say what is there although it does not fit; empty if there is nothing of it."""
    if (root / "JPEGImages").is_dir() or (root / "JPEGImages_10fps").is_dir():
        return "Annotations, or the list of its sequences in ImageSets, is missing"
    return ""


def _sequences_in(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Return the folders of images and masks of each sequence in a folder, by name; empty if there are none."""
    for images, masks in _PAIRS:
        if (folder / images).is_dir() and (folder / masks).is_dir():
            inner = subfolders(folder / images)
            if inner and inner[0].name in ("480p", "Full-Resolution", "1080p"):
                return {}  # that is DAVIS
            if inner:
                return {path.name: (path, folder / masks / path.name) for path in inner}
            return {folder.name: (folder / images, folder / masks)}
    pairs = {path: pair for path in subfolders(folder) for pair in _PAIRS if _is_pair(path, pair)}
    return {path.name: (path / images, path / masks) for path, (images, masks) in pairs.items()}


def _is_pair(folder: Path, pair: tuple[str, str]) -> bool:
    """Return whether a folder holds the images and masks of one sequence."""
    images, masks = (folder / name for name in pair)
    return images.is_dir() and masks.is_dir() and not subfolders(images)


def _has_folders(folder: Path) -> bool:
    inner = subfolders(folder)
    return bool(inner) and inner[0].name not in ("480p", "Full-Resolution", "1080p")


def _sequence(base: Path, title: str, images: Path, masks: Path | None = None, *, hidden: bool = False) -> Sequence:
    """Read a sequence whose masks, of some or all frames, are named like its images. Raises Incomplete."""
    place = masks or base / "Annotations" / title
    frames = expect_images(images, base)
    found = by_stem(expect_images(place, base))
    known = {path.stem: found[path.stem] for path in frames if path.stem in found}
    if not known:
        raise Incomplete(f"no mask in {place.relative_to(base).as_posix()} is named like an image of a frame")
    if unknown := [path.name for stem, path in found.items() if stem not in known]:
        raise Incomplete(f"{place.relative_to(base).as_posix()}/{unknown[0]} has no frame of this name")
    first = next(iter(known))
    stems = tuple(path.stem for path in frames)
    after = stems[stems.index(first) :]
    return Sequence(title, frames, {first: known[first]} if hidden else known, {} if hidden else known, after)
