"""Locating benchmarks on disk: reads the one that a user names, and surveys which are in a folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ...shared.mask_images import counted
from ..errors import DatasetDamaged, DatasetMissing
from .catalogue import ENTRIES, Entry
from .folders import candidates
from .found import Found

_SHOWN = 3  # of the sequences that are missing


@dataclass(frozen=True)
class Surveyed:
    """A benchmark that a survey has found, or found damaged."""

    entry: Entry
    found: Found | None
    problem: str = ""


def locate(entry: Entry, root: Path) -> Found:
    """Read a benchmark from the data set's own folder, one above, or one of those inside.

    Of several folders that fit, the one with the expected number of sequences is read, else the likeliest. Raises
    DatasetMissing, DatasetDamaged.
    """
    title = entry.benchmark.title
    if not root.is_dir():
        raise DatasetMissing(f"{root} is not a folder", remedy=f"Name the folder of {title} with --root.")
    around = candidates(root)
    places = [folder for folder in around if entry.fits(folder, entry.split)]
    if not places:
        hints = (entry.hint(folder, entry.split) for folder in around)
        hint = next(filter(None, hints), "")
        raise DatasetMissing(
            f"{title} is not in {root}" + (f": {hint}" if hint else ""),
            remedy=f"Name its folder with --root. It can be had from {entry.source.address}.",
        )
    found = _best(entry, places, root)
    if not found.sequences:
        raise DatasetMissing(f"{title} in {found.folder} has no complete sequence: {summary(entry, found)}")
    return found


def survey(root: Path) -> list[Surveyed]:
    """Look for all benchmarks in and around a folder; return those that are there."""
    surveyed, around = [], candidates(root)
    for entry in ENTRIES.values():
        if entry.benchmark.name == "folder":
            continue
        places = [folder for folder in around if _is_signed(entry, folder) and entry.fits(folder, entry.split)]
        if places:
            try:
                found = _best(entry, places, root)
            except DatasetDamaged as error:
                surveyed.append(Surveyed(entry, None, error.sentence()))
                continue
            if _is_this_version(entry, found):
                surveyed.append(Surveyed(entry, found))
    return surveyed or _own_folder(root)


def _own_folder(root: Path) -> list[Surveyed]:
    """Return a folder of the user's own frames and masks, if that is what `root` is."""
    entry = ENTRIES["folder"]
    try:
        return [Surveyed(entry, locate(entry, root))]
    except (DatasetMissing, DatasetDamaged):
        return []


def near_misses(root: Path) -> list[str]:
    """Say what lacks for a folder to be read as a data set; empty if there is nothing of any."""
    around = candidates(root)
    told: dict[object, str] = {}
    for entry in ENTRIES.values():
        hint = next(filter(None, (entry.hint(folder, entry.split) for folder in around)), "")
        if hint:
            told.setdefault((entry.source, hint), f"{entry.benchmark.title}: {hint}")
    return list(told.values())


def summary(entry: Entry, found: Found, shown: int = _SHOWN) -> str:
    """Say how many sequences are complete, and name what is missing of the others, of `shown` at most."""
    total = len(found.names)
    if not found.missing:
        return counted(total, "sequence")
    named = "; ".join(found.missing[:shown])
    more = f"; and {len(found.missing) - shown} more" if len(found.missing) > shown else ""
    return f"{len(found.missing)} of {counted(total, 'sequence')} incomplete: {named}{more}"


def count_note(entry: Entry, found: Found) -> str:
    """Say that the number of sequences is not that of the benchmark; empty if it is."""
    if entry.count in (0, len(found.names)):
        return ""
    return (
        f"{entry.benchmark.title} has {counted(entry.count, 'sequence')}, but {found.folder} lists {len(found.names)}"
    )


def _best(entry: Entry, places: list[Path], root: Path) -> Found:
    """Read a benchmark from the folder that has its number of sequences, else from the first. Raises DatasetDamaged.

    The folder that the user names comes first, then those whose names are the data set's.
    """
    first: Found | None = None
    own = root.absolute()
    for place in sorted(places, key=lambda place: (place != own, not _is_signed(entry, place))):  # stable
        found = entry.read(place, entry.split)
        first = first or found
        if len(found.names) == entry.count:
            return found
    assert first is not None, "the caller passes at least one folder"
    return first


def _is_signed(entry: Entry, place: Path) -> bool:
    return not entry.sign or any(re.search(entry.sign, name, re.IGNORECASE) for name in place.parts[-2:])


def _is_this_version(entry: Entry, found: Found) -> bool:
    """Return whether this is not another version of the data set, which has the same layout but other numbers."""
    others = {
        other.count
        for other in ENTRIES.values()
        if other.read is entry.read and other.split == entry.split and other is not entry
    }
    return len(found.names) == entry.count or len(found.names) not in others
