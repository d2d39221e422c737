"""Weights that others have published: where each file is, under which licence, and where it lies once installed."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import UnknownWeights

FOLDER_VARIABLE = "KEYMATTE_WEIGHTS"  # environment variable: another folder for installed weights


@dataclass(frozen=True)
class PublishedWeights:
    """One file of weights, published by the authors of a method and fetched on the user's word."""

    name: str
    recipes: tuple[str, ...]  # that run with them
    method: str  # as its authors call it, with paper
    file_name: str  # as published
    licence: str  # in words, and honest where its authors say nothing
    size: int  # bytes, about
    page: str  # where a person finds the file
    address: str = ""  # of the file itself; empty: there is none that a program may fetch from
    sha256: str = ""  # of the published file; empty: not known
    note: str = ""


def _xmem(name: str, note: str, *, size: int = 249_000_000) -> PublishedWeights:
    return PublishedWeights(
        name=name,
        recipes=("xmem++", "xmem"),
        method="XMem (Cheng & Schwing, ECCV 2022)",
        file_name=f"{name}.pth",
        licence="code MIT, by Ho Kei Cheng; for the weights themselves its authors state none",
        size=size,
        page="https://github.com/hkchengrex/XMem/releases/tag/v1.0",
        address=f"https://github.com/hkchengrex/XMem/releases/download/v1.0/{name}.pth",
        note=note,
    )


CATALOGUE = (
    _xmem("XMem", "The authors' default"),
    _xmem("XMem-s012", "Trained on BL30K too, somewhat more accurate"),
    _xmem("XMem-s2", "Trained without still images, less accurate, for comparison"),
    _xmem("XMem-no-sensory", "Without sensory memory, for views that do not follow each other", size=239_000_000),
)


def find_weights(name: str) -> PublishedWeights:
    """The weights called `name`, in capitals or not. Raises UnknownWeights."""
    for entry in CATALOGUE:
        if entry.name.casefold() == name.casefold():
            return entry
    raise UnknownWeights(f"no published weights {name!r}; there are {', '.join(entry.name for entry in CATALOGUE)}")


def find_by_file(file: Path) -> PublishedWeights:
    """The weights that a file of this name holds, as far as the name tells. Raises UnknownWeights."""
    stem = re.sub(r"\s*\(\d+\)$|\s*-?\s*[Cc]opy$", "", file.stem).casefold()  # what browsers and desktops append
    for entry in CATALOGUE:
        if stem in (entry.name.casefold(), Path(entry.file_name).stem.casefold()):
            return entry
    raise UnknownWeights(
        f"the name of {file} does not tell which weights it holds",
        remedy=f"Say it with --as NAME, one of {', '.join(entry.name for entry in CATALOGUE)}.",
    )


def published_for(recipe: str) -> tuple[PublishedWeights, ...]:
    """The weights that a recipe can run with, its authors' default first."""
    return tuple(entry for entry in CATALOGUE if recipe in entry.recipes)


def default_folder() -> Path:
    """Where weights are installed unless told otherwise: the same place for Blender and the command line.

    The folder named in the environment variable KEYMATTE_WEIGHTS, else one among the user's data.
    """
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        data = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        data = Path.home() / "Library" / "Application Support"
    else:
        data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return data / "keymatte" / "weights"


def installed(entry: PublishedWeights, folder: Path) -> Path:
    """The file of these weights once they are installed in `folder`, whether it is there or not."""
    return folder / f"{entry.name}.safetensors"


def is_installed(entry: PublishedWeights, folder: Path) -> bool:
    """Whether these weights are installed in `folder`."""
    return installed(entry, folder).is_file()


def size_in_words(size: int) -> str:
    """Bytes as people read them: "249 MB"."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}" if size < 100 * factor else f"{size / factor:.0f} {unit}"
    return f"{size} bytes"
