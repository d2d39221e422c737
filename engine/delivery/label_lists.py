"""Lists that data sets keep beside their label images: clips of DAVIS, and objects by frame of YouTube-VOS."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from ..media.label_images import read_labels
from ..shared.delivery import Format
from ..shared.errors import KeyframeUnreadable
from ..shared.files import read_json
from .plan import Plan, Still
from .record import Origin, inputs_of
from .source import Frame

ORIGIN = Origin("list")  # of files that several clips are listed in


def files_beside(plan: Plan, renewed: Collection[Frame]) -> list[Still]:
    """Return the list that names the plan's clip beside those that it names already; none for other formats.

    `renewed` are the frames whose label images have just been written.
    """
    match plan.job.format:
        case Format.DAVIS:
            path = plan.job.out / "ImageSets" / "2017" / "val.txt"
            text = _clips(path, plan.title)
        case Format.YOUTUBE_VOS:
            path = plan.job.out / "meta.json"
            text = json.dumps(_meta(path, plan, renewed), indent=1, ensure_ascii=False)
        case _:
            return []
    return [Still(path, inputs_of([text]), lambda part: _write(part, text))]


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _clips(path: Path, title: str) -> str:
    """Return the lines of a list of clips with the clip `title`."""
    try:
        names = path.read_text("utf-8").split("\n") if path.is_file() else []
    except (OSError, ValueError):
        names = []
    return "".join(f"{name}\n" for name in dict.fromkeys([*filter(None, names), title]))


def _meta(path: Path, plan: Plan, renewed: Collection[Frame]) -> dict[str, Any]:
    """Return the content of a list of clips, their objects, and the frames on which each is visible."""
    earlier = read_json(path)
    videos = earlier.get("videos") if isinstance(earlier, dict) else None
    videos = dict(videos) if isinstance(videos, dict) else {}
    recorded = {number: _recorded(videos, plan.title, number) for number in plan.numbers}
    known = set().union(*recorded.values())
    looked_at = [frame for frame in plan.source.frames if frame in renewed or frame.stem not in known]
    stems = {frame.stem for frame in looked_at}
    visible = {number: frames - stems for number, frames in recorded.items()}
    for frame in looked_at:
        for number in _numbers(plan.folder / f"{plan.label_name(frame)}.png"):
            visible.setdefault(number, set()).add(frame.stem)
    objects = {
        str(number): {"category": name, "frames": sorted(visible[number])}
        for number, name in sorted(zip(plan.numbers, plan.names))
    }
    return {"videos": {**videos, plan.title: {"objects": objects}}}


def _recorded(videos: dict[str, Any], title: str, number: int) -> set[str]:
    """Return the frames that a list has for an object already."""
    match videos.get(title):
        case {"objects": dict() as objects}:
            match objects.get(str(number)):
                case {"frames": list() as frames}:
                    return {frame for frame in frames if isinstance(frame, str)}
    return set()


def _numbers(path: Path) -> list[int]:
    """Return the numbers of the objects in a label image; none if it is missing."""
    try:
        return [int(number) for number in np.unique(read_labels(path)) if number]
    except KeyframeUnreadable:
        return []
