"""Layout of LVOS: a folder per split; its <split>_meta.json says when each object appears, and when it is scored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import DatasetDamaged
from .folders import by_stem, lines_of, subfolders
from .found import Found, Incomplete, expect_images, gather
from .layout_youtube import objects_of, read_videos
from .types import Sequence

_NAMES = {"val": ("valid", "val", "val_480p"), "test": ("test", "test_480p"), "train": ("train", "train_480p")}
_UNSEEN = "unseen_videos.txt"
_FIRST_ONLY = ("Annotations_convert", "Annotations_first_only")  # made by tools: only the first mask of each object


def fits(folder: Path, split: str) -> bool:
    """Return whether a folder holds this split of LVOS: val, test or train."""
    own = _own(folder, split)
    return own is not None and (_meta(own) is not None or _first_only(own) is not None)


def read(folder: Path, split: str) -> Found:
    """Read a split of LVOS from the folder that holds those of the splits. Raises DatasetDamaged."""
    own = _own(folder, split)
    assert own is not None, "`fits` has said so"
    file, first_only = _meta(own), _first_only(own)
    videos = read_videos(file) if file else {}
    unseen = _unseen(own)
    names = sorted(videos) if videos else [path.name for path in subfolders(first_only or own / "Annotations")]

    def sequence(title: str) -> Sequence:
        frames = expect_images(own / "JPEGImages" / title, folder)
        stems = tuple(path.stem for path in frames)
        masks = by_stem(expect_images((first_only or own / "Annotations") / title, folder))
        masks = {stem: masks[stem] for stem in stems if stem in masks}
        if not masks:
            raise Incomplete(f"{own.name}/Annotations/{title} has no mask of any frame")
        full = by_stem(expect_images(own / "Annotations" / title, folder)) if split != "test" else {}
        ranges = {id_: _range(one, title, file) for id_, one in objects_of(videos, title, file).items()} if file else {}
        first_seen = {id_: _stem_of(start, stems) for id_, (start, _) in ranges.items()}
        lost = sorted(stem for stem in first_seen.values() if stem not in masks)
        if lost and not first_only:
            raise Incomplete(f"{own.name}/Annotations/{title}/{lost[0]}.png is missing")
        after = stems[stems.index(next(iter(masks))) :]
        truth = {stem: full[stem] for stem in stems if stem in full}
        return Sequence(
            title,
            frames,
            masks,
            truth,
            after,
            {} if lost else first_seen,
            last_seen={id_: _last(stems, *one) for id_, one in ranges.items()},
            unseen=title in unseen if unseen is not None else None,
        )

    return gather(folder, names, sequence)


def hint(root: Path, split: str) -> str:
    """Say what of LVOS is there although it does not fit; empty if there is nothing of it."""
    for folder in (root, root.parent):
        own = _own(folder, split)
        if own is not None:
            return f"{own.name}/{split}_meta.json, which says when objects appear, is missing"
    return ""


def _own(folder: Path, split: str) -> Path | None:
    """Return the folder of a split; None if it is not there. The folder of YouTube-VOS has a meta.json instead."""
    places = (folder / name for name in _NAMES[split])
    return next((one for one in places if (one / "JPEGImages").is_dir() and not (one / "meta.json").exists()), None)


def _meta(own: Path) -> Path | None:
    names = [f"{name}_meta.json" for names in _NAMES.values() if own.name in names for name in names]
    places = (place / name for place in (own, own.parent) for name in names)
    return next((place for place in places if place.is_file()), None)


def _first_only(own: Path) -> Path | None:
    return next((own / name for name in _FIRST_ONLY if (own / name).is_dir()), None)


def _unseen(own: Path) -> set[str] | None:
    """Return the videos that the authors' list calls unlike the training set; None if their list is not there.

    It is part of their evaluation toolkit, not of the data set.
    """
    places = (own, own.parent, own / "lvos-evaluation", own.parent / "lvos-evaluation")
    file = next((place / _UNSEEN for place in places if (place / _UNSEEN).is_file()), None)
    return {*lines_of(file)} if file else None


def _range(one: dict[str, Any], title: str, file: Path) -> tuple[int, int]:
    """Return the first frame of an object, and the number of its frames. Raises DatasetDamaged."""
    try:
        stated = one["frame_range"]
        return int(stated["start"]), int(stated["frame_nums"])
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetDamaged(f"{file} does not say when the objects of {title} appear") from error


def _stem_of(number: int, stems: tuple[str, ...]) -> str:
    """Return the stem of the frame with this number; if there is none, the name that it would have."""
    return next((stem for stem in stems if stem.isdecimal() and int(stem) == number), f"{number:08d}")


def _last(stems: tuple[str, ...], start: int, count: int) -> str:
    """Return the stem of the last of an object's frames."""
    first = _stem_of(start, stems)
    return stems[min(stems.index(first) + count, len(stems)) - 1] if first in stems else stems[-1]
