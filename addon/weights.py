"""Published weights: their folder, which of them a recipe runs with, and requests to download or import them."""

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
# Weights that only recipes outside the menu use are left to the command line.
OFFERED = tuple(entry for entry in CATALOGUE if {row[0] for row in recipes.MENU} & {*entry.recipes})

# .blend files store a number for each name, which must not change when the catalogue does.
MENU = (
    (ANY, "Any Installed", "Use the first of these that is installed", 0),
    *(
        (entry.name, entry.name, f"{entry.note}. {entry.method}", zlib.crc32(entry.name.encode()) >> 1)
        for entry in OFFERED
    ),
)


def folder() -> Path:
    """Return the folder in which published weights are installed."""
    chosen = environment.preferences().weights_folder
    return Path(bpy.path.abspath(chosen)) if chosen else catalogue.default_folder()


def is_installed(entry: PublishedWeights) -> bool:
    """Return whether these weights are installed."""
    return catalogue.is_installed(entry, folder())


def weights_for(recipe: str, choice: str = ANY) -> PublishedWeights | None:
    """Return the published weights to run a recipe with, which may not be installed; None if the recipe needs none.

    These are the weights named `choice` if the recipe can use them, else its first installed weights, else its first.
    """
    published = catalogue.published_for(recipe)
    chosen = [entry for entry in published if entry.name == choice]
    return next(iter((*chosen, *filter(is_installed, published), *published)), None)


def file_for(recipe: str, choice: str = ANY) -> Path | None:
    """Return the file of the weights that `weights_for` selects, or None if the recipe needs no published weights.

    Raises WeightsMissing if the weights are not installed.
    """
    entry = weights_for(recipe, choice)
    if entry is None:
        return None
    if not is_installed(entry):
        raise WeightsMissing(
            f"model {entry.name}, which this method needs, is not installed",
            remedy="Download or import it in the Propagate panel, or choose another method.",
        )
    return catalogue.installed_file(entry, folder())


def guess_download_path(name: str) -> Path:
    """Return the path where a browser probably saved the downloaded file of these weights. Raises UnknownWeights."""
    downloads = Path.home() / "Downloads"
    return (downloads if downloads.is_dir() else Path.home()) / catalogue.find_weights(name).file_name


def details(entry: PublishedWeights) -> tuple[tuple[str, str], ...]:
    """Return names and values to show before weights are downloaded, such as method, licence and size."""
    return (
        ("Model", f"{entry.name}. {entry.note}" if entry.note else entry.name),
        ("Method", entry.method),
        ("Licence", entry.licence),
        ("Size", catalogue.size_in_words(entry.size)),
        ("From", entry.address or entry.page),
        ("Into", str(folder())),
    )


def require_online_access() -> None:
    """Raise Offline if online access is off in Blender."""
    if not bpy.app.online_access:
        raise Offline("the model must be downloaded, but Blender's online access is off")


def download(name: str, *, again: bool) -> Download:
    """Return the request to download and install weights. Raises Offline, UnknownWeights."""
    require_online_access()
    return Download(uuid.uuid4().hex, catalogue.find_weights(name).name, folder(), again)


def import_file(name: str, file: Path, *, again: bool) -> Import:
    """Return the request to install published weights from `file`.

    If the file's name identifies published weights, they are installed, else the weights `name`. Raises UnknownWeights.
    """
    entry = None
    with suppress(UnknownWeights):
        entry = catalogue.find_by_file(file)
    return Import(uuid.uuid4().hex, (entry or catalogue.find_weights(name)).name, file, folder(), again)
