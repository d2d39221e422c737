"""Layout of DAVIS 2016 and 2017: images and masks by resolution, and lists of sequences or of files in ImageSets."""

from __future__ import annotations

from pathlib import Path

from .folders import by_stem, images_in, is_inner, lines_of, subfolders
from .found import Found, Incomplete, expect_images, gather
from .types import Sequence

FULL = "Full-Resolution"
HIDDEN = ("test-dev", "test-challenge")  # splits of which only the first masks are public
_RESOLUTIONS = {"480p": ("480p",), FULL: (FULL, "1080p")}


def fits(folder: Path, split: str) -> bool:
    """Return whether a folder is that of DAVIS with this split, such as "2017/val" or "2016/val/Full-Resolution"."""
    year, name, resolution = _parts(split)
    return _list(folder, year, name) is not None and any(
        (folder / "JPEGImages" / one).is_dir() for one in _RESOLUTIONS[resolution]
    )


def read(folder: Path, split: str) -> Found:
    """Read a split of DAVIS from its own folder."""
    year, name, resolution = _parts(split)
    file = _list(folder, year, name)
    names = list(dict.fromkeys(map(_sequence_in, lines_of(file)))) if file else []
    present = (one for one in _RESOLUTIONS[resolution] if (folder / "JPEGImages" / one).is_dir())
    inner = next(present, resolution)

    def sequence(title: str) -> Sequence:
        frames = expect_images(folder / "JPEGImages" / inner / title, folder)
        masks = by_stem(expect_images(folder / "Annotations" / inner / title, folder))
        first = frames[0].stem
        if first not in masks:
            raise Incomplete(f"Annotations/{inner}/{title}/{first}.png is missing")
        stems = tuple(path.stem for path in frames)
        if name in HIDDEN:
            return Sequence(title, frames, {first: masks[first]}, {}, stems)
        true = masks
        if resolution == FULL:  # DAVIS' toolkit compares at 480p, whatever the size of the frames
            true = by_stem(images_in(folder / "Annotations" / "480p" / title))  # none: it runs, but is not scored
        for place, there in ((inner, masks), ("480p", true)):
            if there and (lost := [stem for stem in stems if stem not in there]):
                raise Incomplete(f"Annotations/{place}/{title}/{lost[0]}.png is missing")
        shown, truth = ({stem: there[stem] for stem in stems if there} for there in (masks, true))
        return Sequence(title, frames, shown, truth, stems)

    return gather(folder, names, sequence)


def hint(root: Path, split: str) -> str:
    """Say what of DAVIS is there although it does not fit; empty if there is nothing of it."""
    year, name, resolution = _parts(split)
    if not any(is_inner(path.name) for path in subfolders(root)):
        return ""
    if _list(root, year, name) is None:
        return f"ImageSets/{year}/{name}.txt, the list of its sequences, is missing"
    return f"JPEGImages/{resolution} is missing"


def _parts(split: str) -> tuple[str, str, str]:
    year, name, *resolution = split.split("/")
    return year, name, resolution[0] if resolution else "480p"


def _list(folder: Path, year: str, name: str) -> Path | None:
    """Return the list of a split: sequences in the zips of 2017, pairs of files in those of 2016."""
    places = [folder / "ImageSets" / year]
    if year == "2016":  # DAVIS 2016 alone lists them by resolution; a copy beside 2017's has its list
        places += [folder / "ImageSets" / "480p", folder / "ImageSets" / "1080p"]
        beside = (folder.parent / "2017" / "trainval", folder.parent / "trainval", folder.parent / "2017")
        places += [place / "ImageSets" / "2016" for place in beside]
    return next((place / f"{name}.txt" for place in places if (place / f"{name}.txt").is_file()), None)


def _sequence_in(line: str) -> str:
    """Return the sequence that a line names: itself, or the folder of its first file."""
    first = line.split()[0]
    return Path(first).parent.name if "/" in first else first
