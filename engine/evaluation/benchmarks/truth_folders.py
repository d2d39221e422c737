"""True masks in a folder for each sequence, with the files that the rules read beside them, for results made elsewhere.

The whole data set is not needed: neither its images nor its other splits.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...shared.errors import ScoreIncomplete
from .folders import by_stem, images_in, lines_of, subfolders
from .layout_youtube import objects_of, read_videos
from .types import Benchmark, Given, Rules, Sequence

_TITLES = {
    Rules.DAVIS: "DAVIS 2017",
    Rules.DAVIS16: "DAVIS 2016",
    Rules.YOUTUBE: "YouTube-VOS",
    Rules.LVOS: "LVOS",
    Rules.VOST: "VOST",
    Rules.LONG_TIME: "Long-Time Video",
    Rules.PLAIN: "All frames",
}


def benchmark_of(rules: Rules) -> Benchmark:
    """Return a benchmark with the rules of a data set, but without its sequences."""
    merged = rules in (Rules.DAVIS16, Rules.LONG_TIME)
    return Benchmark(f"{rules.value}-folders", _TITLES[rules], rules, Given.FIRST_MASK, merged=merged)


def sequences_in(
    truth: Path, *, names: Path | None = None, meta: Path | None = None, unseen: Path | None = None
) -> list[Sequence]:
    """Return the sequences whose true masks lie in folders of `truth`.

    `names` is a file that lists those to score (such as ImageSets/2017/val.txt); `meta` says on which frames objects
    are scored, and of which category they are (LVOS, YouTube-VOS); `unseen` lists videos unlike the training set
    (LVOS).
    Raises ScoreIncomplete, DatasetDamaged.
    """
    folders = {folder.name: folder for folder in subfolders(truth) if images_in(folder)}
    if not folders:
        raise ScoreIncomplete(
            f"{truth} has no folders of true masks", remedy="Name with --truth the folder that holds one per sequence."
        )
    wanted = _listed(names) if names else [*folders]
    if missing := [name for name in wanted if name not in folders]:
        raise ScoreIncomplete(f"{truth} has no folder {missing[0]}, which {names} lists", remedy="Check both paths.")
    videos = read_videos(meta) if meta else {}
    strange = {*_listed(unseen)} if unseen else None
    return [_sequence(folders[name], videos, meta, None if strange is None else name in strange) for name in wanted]


def _sequence(folder: Path, videos: Mapping[str, Any], meta: Path | None, unseen: bool | None) -> Sequence:
    """Return a sequence without images."""
    truth = by_stem(images_in(folder))
    objects = objects_of(dict(videos), folder.name, meta) if meta and folder.name in videos else {}
    ranges = {id_: _range(one, [*truth]) for id_, one in objects.items()}
    return Sequence(
        folder.name,
        (),
        {},
        truth,
        tuple(truth),
        first_seen={id_: first for id_, (first, _) in ranges.items() if first},
        categories={id_: str(one["category"]) for id_, one in objects.items() if one.get("category")},
        last_seen={id_: last for id_, (_, last) in ranges.items() if last},
        unseen=unseen,
    )


def _range(one: Mapping[str, Any], stems: list[str]) -> tuple[str, str]:
    """Return the stems of an object's first and last true frame, as far as the meta file says them.

    LVOS' file counts an object's frames from its start; YouTube-VOS' lists them.
    """
    stated = one.get("frame_range")
    if isinstance(stated, dict):
        first = _stem_of(str(stated.get("start", "")), stems)
        count = str(stated.get("frame_nums", ""))
        place = stems.index(first) + int(count) - 1 if first and count.isdecimal() else len(stems)
        return first, stems[place] if place < len(stems) else ""
    frames = one.get("frames")
    return (min(map(str, frames)), "") if isinstance(frames, list) and frames else ("", "")


def _stem_of(number: str, stems: list[str]) -> str:
    """Return the stem with this number; empty if there is none."""
    if not number.isdecimal():
        return ""
    return next((stem for stem in stems if stem.isdecimal() and int(stem) == int(number)), "")


def _listed(file: Path) -> list[str]:
    """Return the sequences that a file names, one a line. Raises ScoreIncomplete."""
    try:
        return [Path(line.split()[0]).name for line in lines_of(file)]
    except OSError as error:
        raise ScoreIncomplete(f"{file} cannot be read: {error.strerror}", remedy="Choose another list.") from error
