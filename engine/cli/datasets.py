"""Command line `datasets`: lists published benchmarks, which of them are in a folder, and what is missing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..shared.errors import BadSetting
from ..shared.mask_images import counted
from .console import print_error, print_line

if TYPE_CHECKING:
    from ..evaluation.benchmarks.locate import Surveyed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `datasets`."""
    parser.set_defaults(command=datasets)
    parser.add_argument(
        "--root",
        type=Path,
        metavar="FOLDER",
        help="look in this folder: a data set's own, one above, or one inside; default: list where to get them",
    )
    parser.add_argument("--all", action="store_true", help="name all that is missing; default: the first few")


def datasets(options: argparse.Namespace) -> int:
    """Print which data sets are where, and where to get the others. Nothing is downloaded.

    Returns 0; with --root 2 if none is found, or if something of one is missing.
    """
    from ..evaluation.benchmarks.locate import near_misses, survey

    if options.root is None:
        _print_sources(())
        return 0
    if not options.root.is_dir():
        raise BadSetting(f"{options.root} is not a folder", remedy="Name a folder that holds data sets with --root.")
    surveyed, static = survey(options.root), _static(options.root)
    complete = [_print_found(one, every=options.all) for one in surveyed]
    for line in static:
        print_line(line)
    if not surveyed and not static:
        print_error(f"{options.root} holds no data set as its authors' archives unpack")
        for line in near_misses(options.root):
            print_error(line)
    print_line("")
    _print_sources({one.entry.benchmark.name for one in surveyed})
    return 0 if all(complete) and (surveyed or static) else 2


def _print_found(one: Surveyed, *, every: bool) -> bool:
    """Print where a data set is, and what is missing. Returns whether it is complete."""
    from ..evaluation.benchmarks.locate import count_note, summary

    name = one.entry.benchmark.name
    if one.found is None:
        print_error(f"{name}: {one.problem}")
        return False
    shown = {"shown": len(one.found.missing)} if every else {}
    print_line(f"{name:<22} {summary(one.entry, one.found, **shown)}, in {one.found.folder}")
    note = count_note(one.entry, one.found)
    if note:
        print_error(note)
    return not note and not one.found.missing


def _print_sources(found: set[str] | tuple[str, ...]) -> None:
    """Print where the data sets are published of which not every benchmark is found."""
    from ..evaluation.benchmarks.catalogue import ENTRIES

    names: dict[object, list[str]] = {}
    for entry in ENTRIES.values():
        names.setdefault(entry.source, []).append(entry.benchmark.name)
    for entry in ENTRIES.values():
        benchmarks = names.pop(entry.source, [])
        absent = [name for name in benchmarks if name not in found]
        if absent and (not found or entry.benchmark.name != "folder"):
            source = entry.source
            print_line(f"{source.title}: {', '.join(absent)}\n  {source.size}; {source.terms}\n  {source.address}")


def _static(root: Path) -> list[str]:
    """Return a line for each set of still images with masks in a folder."""
    from ..evaluation.benchmarks.static_pairs import find_static

    found = find_static(root)
    return [f"{folder.name:<22} {counted(count, 'image')} with a mask each, in {folder}" for folder, count in found]
