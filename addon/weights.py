"""Published weights: where they are installed, which of them a clip is followed with, and how they are asked for."""

from __future__ import annotations

import uuid
import zlib
from contextlib import suppress
from pathlib import Path

import bpy

from ..engine.shared import catalogue
from ..engine.shared.catalogue import CATALOGUE, PublishedWeights
from ..engine.shared.errors import Offline, UnknownWeights, WeightsMissing
from ..engine.shared.protocol import Download, Import
from . import environment, recipes

ANY = "ANY"
# Weights of other recipes are for the command line.
OFFERED = tuple(entry for entry in CATALOGUE if {row[0] for row in recipes.MENU} & {*entry.recipes})

# A .blend keeps a number for each name, which must not change when the catalogue does.
MENU = (
    (ANY, "Any Installed", "The first of this menu that is installed", 0),
    *(
        (entry.name, entry.name, f"{entry.note}. {entry.method}", zlib.crc32(entry.name.encode()) >> 1)
        for entry in OFFERED
    ),
)


def folder() -> Path:
    """Where published weights are installed."""
    chosen = environment.preferences().weights_folder
    return Path(bpy.path.abspath(chosen)) if chosen else catalogue.default_folder()


def is_installed(entry: PublishedWeights) -> bool:
    """Whether these weights are installed."""
    return catalogue.is_installed(entry, folder())


def wanted(recipe: str, choice: str = ANY) -> PublishedWeights | None:
    """The weights that a recipe is to run with, whether they are installed or not; None if it needs none.

    Without a `choice` that fits the recipe the first that is installed, or else its authors' default.
    """
    published = catalogue.published_for(recipe)
    chosen = [entry for entry in published if entry.name == choice]
    return next(iter((*chosen, *filter(is_installed, published), *published)), None)


def file_for(recipe: str, choice: str = ANY) -> Path | None:
    """The file of those weights; None if the recipe needs none. Raises WeightsMissing."""
    entry = wanted(recipe, choice)
    if entry is None:
        return None
    if not is_installed(entry):
        raise WeightsMissing(
            f"weights {entry.name}, which this recipe runs on, are not installed",
            remedy="Download or import them below the recipe, or choose another recipe.",
        )
    return catalogue.installed(entry, folder())


def likely_file(name: str) -> Path:
    """Where a browser may have put the file of these weights. Raises UnknownWeights."""
    downloads = Path.home() / "Downloads"
    return (downloads if downloads.is_dir() else Path.home()) / catalogue.find_weights(name).file_name


def facts(entry: PublishedWeights) -> tuple[tuple[str, str], ...]:
    """What a user must know of weights before they are fetched: names and values."""
    return (
        ("Weights", f"{entry.name}. {entry.note}" if entry.note else entry.name),
        ("Method", entry.method),
        ("Licence", entry.licence),
        ("Size", catalogue.size_in_words(entry.size)),
        ("From", entry.address or entry.page),
        ("Into", str(folder())),
    )


def expect_online() -> None:
    """Raises Offline if Blender may not use the network."""
    if not bpy.app.online_access:
        raise Offline("weights have to be downloaded, and Blender may not go online")


def download(name: str, *, again: bool) -> Download:
    """The request to fetch and install weights. Raises Offline, UnknownWeights."""
    expect_online()
    return Download(uuid.uuid4().hex, catalogue.find_weights(name).name, folder(), again)


def import_file(name: str, file: Path, *, again: bool) -> Import:
    """The request to install weights from a file: those that its name tells, or else `name`. Raises UnknownWeights."""
    entry = None
    with suppress(UnknownWeights):
        entry = catalogue.find_by_file(file)
    return Import(uuid.uuid4().hex, (entry or catalogue.find_weights(name)).name, file, folder(), again)
