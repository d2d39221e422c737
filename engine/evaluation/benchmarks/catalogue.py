"""Catalogue of published benchmarks: their names, rules and layouts, where users get them, and under which terms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...shared.errors import BadSetting
from . import layout_davis as davis
from . import layout_lvos as lvos
from . import layout_plain as plain
from . import layout_youtube as youtube
from .found import Layout
from .types import Benchmark, Given, Rules


@dataclass(frozen=True)
class Source:
    """Where a data set is published. Nothing is ever downloaded from there."""

    title: str
    address: str
    terms: str
    size: str


@dataclass(frozen=True)
class Entry:
    """A benchmark, and how it is read from disk."""

    benchmark: Benchmark
    source: Source
    split: str  # as the layout calls it
    count: int  # of its sequences; 0: any
    fits: Callable[[Path, str], bool]
    read: Layout
    hint: Callable[[Path, str], str]
    sign: str = ""  # pattern of the names of folders that hold it, where several data sets have the same layout


_SEE = "as its page says"
_DAVIS16 = Source(
    "DAVIS 2016", "https://davischallenge.org/davis2016/code.html", _SEE, "50 sequences, 3,455 frames; about 2 GB"
)
_DAVIS17 = Source(
    "DAVIS 2017",
    "https://davischallenge.org/davis2017/code.html",
    _SEE,
    "train and val: 90 sequences, test-dev: 30; 480p: about 1 GB, Full-Resolution: several GB",
)
_YOUTUBE18 = Source(
    "YouTube-VOS 2018", "https://youtube-vos.org/dataset/vos/", f"{_SEE}; registration", "3,471 + 474 + 508 videos"
)
_YOUTUBE19 = Source(
    "YouTube-VOS 2019", "https://youtube-vos.org/dataset/vos/", f"{_SEE}; registration", "3,471 + 507 + 541 videos"
)
_LVOS = "https://lingyihongfd.github.io/lvos.github.io/dataset.html"
_LVOS1 = Source("LVOS v1", _LVOS, f"CC BY 4.0 to our knowledge; {_SEE}", "220 videos, 126,280 frames")
_LVOS2 = Source("LVOS v2", _LVOS, f"CC BY 4.0 to our knowledge; {_SEE}", "720 videos, 296,401 frames")
_LONG = Source(
    "Long-Time Video",
    "https://www.kaggle.com/gvclsu/long-videos (3x: docs/GETTING_STARTED.md of github.com/hkchengrex/XMem)",
    "academic use only",
    "3 videos, 7,411 frames, 20 masks each",
)
_VOST = Source(
    "VOST",
    "https://www.vostdataset.org/data.html",
    "CC BY-NC-SA 4.0",
    "713 videos; 54 GB without those of test",
)
_PUMAVOS = Source(
    "PUMaVOS", "https://github.com/max810/XMem2 (PUMaVOS)", "CC BY 4.0", "24 videos, 21,187 frames, all with masks"
)
_FOLDER = Source(
    "any folder", "yours", "yours", "frames/ and masks/, or folders of such, or JPEGImages/ and Annotations/"
)


def _davis() -> Iterator[Entry]:
    reads = davis.fits, davis.read, davis.hint
    for year, split, count, full in (
        *(("2016", "val", 20, full) for full in (False, True)),
        *(("2016", "train", 30, full) for full in (False, True)),
        *(("2017", "val", 30, full) for full in (False, True)),
        *(("2017", "train", 60, full) for full in (False, True)),
        *(("2017", "test-dev", 30, full) for full in (False, True)),
    ):
        single = year == "2016"
        benchmark = Benchmark(
            f"davis{year[2:]}-{split}{'-full' * full}",
            f"DAVIS {year} {split}{' Full-Resolution' * full}",
            Rules.DAVIS16 if single else Rules.DAVIS,
            Given.FIRST_MASK,
            merged=single,
            ignored=None if single else 255,  # 2016 stores its only object as 255
            truth="hidden" if split in davis.HIDDEN else "dense",
        )
        place = f"{year}/{split}" + f"/{davis.FULL}" * full
        yield Entry(benchmark, _DAVIS16 if single else _DAVIS17, place, count, *reads)


def _youtube() -> Iterator[Entry]:
    for year, source, valid in (("18", _YOUTUBE18, 474), ("19", _YOUTUBE19, 507)):
        for name, split, count in (
            ("valid", "valid", valid), ("valid-all", "valid/all", valid), ("train", "train", 3471)
        ):  # fmt: skip
            benchmark = Benchmark(
                f"youtube{year}-{name}",
                f"YouTube-VOS 20{year} {split.replace('/all', ', all frames')}",
                Rules.YOUTUBE,
                Given.EVERY_OBJECT,
                truth="sparse" if name == "train" else "hidden",
            )
            sign = f"(?:20)?{year}" if year == "18" else ""
            yield Entry(benchmark, source, split, count, youtube.fits, youtube.read, youtube.hint, sign)


def _others() -> Iterator[Entry]:
    for version, source, counts in (("1", _LVOS1, (50, 50, 120)), ("2", _LVOS2, (140, 160, 420))):
        for split, count in zip(("val", "test", "train"), counts, strict=True):
            benchmark = Benchmark(
                f"lvos{version}-{split}",
                f"LVOS v{version} {split}",
                Rules.LVOS,
                Given.EVERY_OBJECT,
                ignored=255,
                truth="hidden" if split == "test" else "dense",
            )
            yield Entry(benchmark, source, split, count, lvos.fits, lvos.read, lvos.hint)
    for split, count in (("val", 70), ("test", 71), ("train", 572)):
        benchmark = Benchmark(
            f"vost-{split}",
            f"VOST {split}",
            Rules.VOST,
            Given.FIRST_MASK,
            ignored=255,
            truth="hidden" if split == "test" else "sparse",
        )
        yield Entry(benchmark, _VOST, split, count, plain.fits_vost, plain.read_vost, plain.hint)
    for name, split in (("longtime", "1x"), ("longtime-3x", "3x")):
        title = f"Long-Time Video{' 3x' if split == '3x' else ''}"
        benchmark = Benchmark(name, title, Rules.LONG_TIME, Given.FIRST_MASK, merged=True, truth="sparse")
        sign = "long.?(?:video|time)"
        yield Entry(benchmark, _LONG, split, 3, plain.fits_long, plain.read_long, plain.hint, sign)
    for name, title, source, count in (("pumavos", "PUMaVOS", _PUMAVOS, 24), ("folder", "Folder", _FOLDER, 0)):
        given = Given.EVERY_OBJECT if name == "folder" else Given.FIRST_MASK
        benchmark = Benchmark(name, title, Rules.PLAIN, given)
        yield Entry(benchmark, source, "", count, plain.fits_folders, plain.read_folders, plain.hint, name)


ENTRIES = {entry.benchmark.name: entry for entry in (*_davis(), *_youtube(), *_others())}


def find_entry(name: str) -> Entry:
    """Return the entry of the benchmark called `name`. Raises BadSetting."""
    if name not in ENTRIES:
        raise BadSetting(f"there is no data set {name!r}", remedy=f"Choose from {', '.join(ENTRIES)}.")
    return ENTRIES[name]
