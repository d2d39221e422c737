"""Command line `models`: which published weights there are, and how they are installed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..shared.catalogue import (
    CATALOGUE,
    PublishedWeights,
    default_folder,
    find_by_file,
    find_weights,
    installed,
    is_installed,
    published_for,
    size_in_words,
)
from ..shared.errors import NotConfirmed
from .console import say

_BYTES = {"unit": "B", "unit_scale": True, "file": sys.stderr}
_FOLDER = "folder of installed weights; default: KEYMATTE_WEIGHTS, else a folder among the user's data"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `models`, `models download NAME` and `models import FILE`."""
    parser.set_defaults(command=models, action=None)
    parser.add_argument("--describe", metavar="RECIPE", help="the numbers of one recipe")
    parser.add_argument("--folder", type=Path, help=_FOLDER)
    actions = parser.add_subparsers(metavar="ACTION", help="without: list what there is")

    one = actions.add_parser("download", help="fetch published weights and install them")
    one.set_defaults(action=_download)
    one.add_argument("name", metavar="NAME", help="see `models`")
    one.add_argument("--yes", action="store_true", help="do not ask")
    _add_common(one)

    one = actions.add_parser("import", help="install published weights from a file that you have")
    one.set_defaults(action=_import)
    one.add_argument("file", metavar="FILE", type=Path, help="as published (.pth, .pt), or .safetensors")
    one.add_argument("--as", dest="name", metavar="NAME", help="which weights it holds; default: as its name tells")
    _add_common(one)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--again", action="store_true", help="even if they are installed")
    parser.add_argument("--folder", type=Path, default=argparse.SUPPRESS, help=_FOLDER)


def models(options: argparse.Namespace) -> int:
    """List recipes and published weights, describe one recipe, or run the action that was asked for. Returns 0."""
    if options.action:
        return options.action(options)
    from ..methods.memories import describe
    from ..methods.registry import RECIPES, find_recipe

    if options.describe:
        recipe = find_recipe(options.describe)
        say(f"{recipe.name}: {recipe.summary}")
        say(describe(recipe.options))
        return 0
    for recipe in RECIPES.values():
        published = ", ".join(entry.name for entry in published_for(recipe.name))
        where = f"published weights, see below: {published}" if published else "needs no weights"
        if recipe.weights:
            where = f"{recipe.weights}{'' if recipe.weights.is_file() else ' (missing)'}"
        say(f"{recipe.name}\n  {recipe.summary}\n  licence: {recipe.licence}\n  {where}")
    list_published(options.folder)
    return 0


def list_published(folder: Path | None) -> None:
    """Tell of all published weights, and which are installed in `folder`; None: where they usually are."""
    folder = folder or default_folder()
    say(f"\nPublished weights; installed ones lie in {folder}")
    for entry in CATALOGUE:
        say("")
        _describe(entry, folder)


def _describe(entry: PublishedWeights, folder: Path) -> None:
    place = f"installed: {installed(entry, folder)}" if is_installed(entry, folder) else "not installed"
    say(f"{entry.name}, about {size_in_words(entry.size)}, {place}")
    say(f"  {entry.method}; for {' and '.join(entry.recipes)}. {entry.note}")
    say(f"  licence: {entry.licence}")
    say(f"  {entry.address or f'to be fetched with a browser from {entry.page}, and imported'}")


def _download(options: argparse.Namespace) -> int:
    from ..jobs.install_weights import already_there, install

    entry, folder = find_weights(options.name), options.folder or default_folder()
    if is_installed(entry, folder) and not options.again:
        say(already_there(entry, folder))
        return 0
    _describe(entry, folder)
    if entry.address and not options.yes and not _confirmed():
        say("Nothing was downloaded")
        return 0
    with _bar() as report:
        path = install(entry, folder, report, lambda: False)
    say(f"{entry.name} is installed in {path}")
    return 0


def _import(options: argparse.Namespace) -> int:
    from ..jobs.install_weights import already_there, import_file

    entry = find_weights(options.name) if options.name else find_by_file(options.file)
    folder = options.folder or default_folder()
    if is_installed(entry, folder) and not options.again:
        say(already_there(entry, folder))
        return 0
    with _bar() as report:
        path = import_file(entry, options.file, folder, report, lambda: False)
    say(f"{entry.name} is installed in {path}")
    return 0


def _confirmed() -> bool:
    """Whether the user says yes. Raises NotConfirmed if there is nobody to ask."""
    if not sys.stdin.isatty():
        raise NotConfirmed("there is no terminal to ask at whether this may be downloaded")
    sys.stdout.write("Download it? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None]]:
    """Progress on stderr, a bar for each stage; give what it yields a stage's text, and bytes done and in all."""
    from tqdm import tqdm

    bars: list[tuple[str, tqdm]] = []

    def report(text: str, done: int, total: int) -> None:
        if not bars or bars[-1][0] != text:
            close()
            form = None if total or done else "{desc}"
            bars.append((text, tqdm(desc=text, total=total or None, initial=done, bar_format=form, **_BYTES)))
        bars[-1][1].update(done - bars[-1][1].n)

    def close() -> None:
        for _, bar in bars:
            bar.close()

    try:
        yield report
    finally:
        close()
