"""Layout of YouTube-VOS: a folder per split with meta.json, which lists objects, their categories and wanted frames."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import DatasetDamaged
from .folders import by_stem
from .found import Found, Incomplete, expect_images, gather
from .types import Sequence

_SPLITS = ("train", "valid", "test")


def fits(folder: Path, split: str) -> bool:
    """Return whether a folder holds this split, such as "valid" or "valid/all" with the images of all frames."""
    name, every = _parts(split)
    own = folder / name
    return (own / "meta.json").is_file() and (not every or _all_frames(folder, name) is not None)


def read(folder: Path, split: str) -> Found:
    """Read a split of YouTube-VOS from the folder that holds those of the splits. Raises DatasetDamaged."""
    name, every = _parts(split)
    own = folder / name
    videos = read_videos(own / "meta.json")
    images = (_all_frames(folder, name) if every else None) or own / "JPEGImages"

    def sequence(title: str) -> Sequence:
        frames = expect_images(images / title, folder)
        masks = by_stem(expect_images(own / "Annotations" / title, folder))
        objects = objects_of(videos, title, own / "meta.json")
        wanted = {stem for one in objects.values() for stem in _frames(one, title, own / "meta.json")}
        stems = [path.stem for path in frames]
        if lost := sorted(wanted.difference(stems)):
            raise Incomplete(f"{(images / title).relative_to(folder).as_posix()}/{lost[0]}.jpg is missing")
        first_seen = {id_: min(_frames(one, title, own / "meta.json")) for id_, one in objects.items()}
        if lost := sorted(stem for stem in first_seen.values() if stem not in masks):
            raise Incomplete(f"{name}/Annotations/{title}/{lost[0]}.png is missing")
        truth = {stem: masks[stem] for stem in stems if stem in masks} if name == "train" else {}
        return Sequence(
            title,
            frames,
            {stem: masks[stem] for stem in stems if stem in masks},
            truth,
            tuple(stem for stem in stems if stem in wanted),
            first_seen,
            {id_: str(one.get("category", "")) for id_, one in objects.items()},
        )

    return gather(folder, sorted(videos), sequence)


def hint(root: Path, split: str) -> str:
    """Say what of YouTube-VOS is there although it does not fit; empty if there is nothing of it."""
    name, every = _parts(split)
    for folder in (root, root.parent):
        if every and (folder / name / "meta.json").is_file():
            return f"all_frames/{name}_all_frames/JPEGImages is missing"
        if (folder / name / "JPEGImages").is_dir():
            return f"{name}/meta.json, the list of its videos, is missing"
    return ""


def read_videos(file: Path) -> dict[str, Any]:
    """Return the videos that a meta.json lists, by name. Raises DatasetDamaged."""
    try:
        videos = json.loads(file.read_text(encoding="utf-8"))["videos"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DatasetDamaged(f"{file} cannot be read as the list of a data set's videos") from error
    if not isinstance(videos, dict):
        raise DatasetDamaged(f"{file} does not list videos by their names")
    return videos


def objects_of(videos: dict[str, Any], title: str, file: Path) -> dict[int, dict[str, Any]]:
    """Return what is said of each object of a video, by id. Raises DatasetDamaged."""
    try:
        return {
            int(id_): dict(one) for id_, one in sorted(videos[title]["objects"].items(), key=lambda one: int(one[0]))
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DatasetDamaged(f"{file} does not list the objects of {title}") from error


def _frames(one: dict[str, Any], title: str, file: Path) -> list[str]:
    frames = one.get("frames")
    if not isinstance(frames, list) or not frames:
        raise DatasetDamaged(f"{file} lists an object of {title} without frames")
    return [str(frame) for frame in frames]


def _parts(split: str) -> tuple[str, bool]:
    name, _, every = split.partition("/")
    return name, bool(every)


def _all_frames(folder: Path, name: str) -> Path | None:
    """Return the folder with the images of all frames of a split; None if it is not there."""
    inner = f"{name}_all_frames"
    places = (folder / "all_frames" / inner, folder / inner, folder / inner / inner)
    return next((place / "JPEGImages" for place in places if (place / "JPEGImages").is_dir()), None)
