"""Command line `models`: lists recipes and published weights, and installs weights."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..methods.settings import describe, find_settings
from ..shared.catalogue import (
    CATALOGUE,
    PublishedWeights,
    default_folder,
    expect_file,
    find_by_file,
    find_weights,
    hash_record,
    installed_file,
    installed_message,
    is_installed,
    published_for,
    size_in_words,
)
from ..shared.errors import NotConfirmed
from .console import print_line

if TYPE_CHECKING:
    from ..methods.recipe import Recipe

_FOLDER = "folder of installed weights; default: KEYMATTE_WEIGHTS, else a folder in the user's application data"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `models`, `models download NAME` and `models import FILE`."""
    parser.set_defaults(command=models, action=None)
    parser.add_argument("--describe", metavar="RECIPE", help="list the settings of one recipe, and exit")
    parser.add_argument("--folder", type=Path, help=_FOLDER)
    actions = parser.add_subparsers(metavar="ACTION", help="without an action: list recipes and weights")

    action = actions.add_parser("download", help="download published weights and install them")
    action.set_defaults(action=_download)
    action.add_argument("name", metavar="NAME", help="name of the weights, see `models`")
    action.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    _add_common(action)

    action = actions.add_parser("import", help="install published weights from a file that you downloaded")
    action.set_defaults(action=_import)
    action.add_argument(
        "file", metavar="FILE", type=Path, help="weights file as published (.pth, .pt), or .safetensors"
    )
    action.add_argument(
        "--as", dest="name", metavar="NAME", help="name of the weights in the file; default: found from the file name"
    )
    _add_common(action)


def _add_common(parser: argparse.ArgumentParser) -> None:
    """Add the options that `models download` and `models import` share."""
    parser.add_argument("--again", action="store_true", help="install them again, even if they are installed")
    parser.add_argument("--folder", type=Path, default=argparse.SUPPRESS, help=_FOLDER)


def models(options: argparse.Namespace) -> int:
    """List recipes and published weights, describe one recipe, or run the given action. Returns 0."""
    if options.action:
        status: int = options.action(options)
        return status
    if options.describe:
        find_settings(options.describe)  # raises before PyTorch is loaded

    from ..methods.registry import RECIPES, find_recipe

    if options.describe:
        recipe = find_recipe(options.describe)
        print_line(f"{recipe.name}: {recipe.summary}")
        print_line(describe(recipe.settings))
        return 0
    for recipe in RECIPES.values():
        print_line(f"{recipe.name}\n  {recipe.summary}\n  licence: {recipe.licence}\n  {_describe_weights(recipe)}")
    list_published(options.folder)
    return 0


def _describe_weights(recipe: Recipe) -> str:
    """Describe in words which weights a recipe needs and where they are."""
    if recipe.settings.bundled:
        return f"weights: {recipe.settings.bundled}{'' if recipe.settings.bundled.is_file() else ' (missing)'}"
    published = ", ".join(entry.name for entry in published_for(recipe.name))
    if published:
        return f"needs published weights, see below: {published}"
    if recipe.needs_weights:
        return "needs weights that are not listed below: choose a file with --weights"
    return "needs no weights"


def list_published(folder: Path | None) -> None:
    """Print all published weights, and whether they are installed in `folder` (None: the default folder)."""
    folder = folder or default_folder()
    print_line(f"\nPublished weights; installed ones are in {folder}")
    for entry in CATALOGUE:
        print_line("")
        _print_published(entry, folder)


def _print_published(entry: PublishedWeights, folder: Path) -> None:
    """Print the size, licence and source of weights, and whether they are installed."""
    place = f"installed: {installed_file(entry, folder)}" if is_installed(entry, folder) else "not installed"
    print_line(f"{entry.name}, about {size_in_words(entry.size)}, {place}")
    print_line(f"  {entry.method}; for {' and '.join(entry.recipes)}. {entry.note}")
    print_line(f"  licence: {entry.licence}")
    print_line(f"  {entry.address or f'download the file from {entry.page} with a browser, and import it'}")


def _download(options: argparse.Namespace) -> int:
    entry, folder = find_weights(options.name), options.folder or default_folder()
    if is_installed(entry, folder) and not options.again:
        print_line(installed_message(entry, folder))
        return 0
    _print_published(entry, folder)
    if entry.address and not options.yes and not _confirmed():
        print_line("Nothing was downloaded")
        return 0
    from ..jobs.install_weights import install
    from .progress import Progress

    with Progress("bytes") as progress:
        path = install(entry, folder, progress.show, lambda: False)
    print_line(f"{entry.name} is installed in {path}")
    if not entry.sha256:
        print_line(
            f"Its authors state no SHA-256, so the file could not be checked against one. That of this download is in "
            f"{hash_record(entry, folder)}; later downloads must have the same"
        )
    return 0


def _import(options: argparse.Namespace) -> int:
    entry = find_weights(options.name) if options.name else find_by_file(options.file)
    folder = options.folder or default_folder()
    if is_installed(entry, folder) and not options.again:
        print_line(installed_message(entry, folder))
        return 0
    expect_file(options.file)
    from ..jobs.install_weights import import_file
    from .progress import Progress

    with Progress("bytes") as progress:
        path = import_file(entry, options.file, folder, progress.show, lambda: False)
    print_line(f"{entry.name} is installed in {path}")
    return 0


def _confirmed() -> bool:
    """Ask the user whether to download; return whether the answer is yes. Raises NotConfirmed without a terminal."""
    if not sys.stdin.isatty():
        raise NotConfirmed("without a terminal, you cannot be asked to confirm the download")
    sys.stdout.write("Download it? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
