"""Folder of a Python environment for the engine: its marker, whether it can be used, and its removal."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from .errors import FolderTaken
from .files import is_link, is_system_file, read_json, replace_file
from .folder_lock import LOCK_FILE, OWNER_FILE, locked

MARKER = "keymatte-environment.json"
CONSTRAINTS = "keymatte-constraints.txt"

_LAYOUT_FOLDERS = ("bin", "include", "lib", "lib64", "scripts", "share", "etc", "man", "tmp")  # in lower case
_PIP_FOLDERS = ("http", "http-v2", "wheels", "selfcheck")  # in pip's cache
_REMEDY = "Move it away or delete it yourself, and try again; nothing was changed there."
_LAYOUT_FILES = ("pyvenv.cfg", ".gitignore", CONSTRAINTS)


class State(StrEnum):
    """What can be said of an environment without running it."""

    MISSING = "missing"
    PARTLY = "partly"  # an installation was broken off
    OTHER = "other"  # complete, but for other requirements, such as those of another version of Keymatte
    MOVED = "moved"  # complete, but the Python that it was made with is not there any longer
    READY = "ready"


@dataclass(frozen=True)
class Marker:
    """What an environment is made of, as it is recorded in it."""

    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    build: str = ""  # key of the build of PyTorch, or empty
    complete: bool = False


def python_in(folder: Path) -> Path:
    """Return the path of the Python interpreter of the environment in `folder`; it need not exist yet."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def state_of(folder: Path, requirements: Sequence[str], constraints: Sequence[str] = ()) -> State:
    """Return what is known of the environment in `folder`, asked for these requirements and constraints."""
    marker = read_marker(folder)
    if marker is None:
        return State.MISSING
    if not marker.complete:
        return State.PARTLY
    if (marker.requirements, marker.constraints) != (tuple(requirements), tuple(constraints)):
        return State.OTHER
    return State.READY if python_in(folder).exists() and _home_exists(folder) else State.MOVED


def _home_exists(folder: Path) -> bool:
    """Return whether the Python that the environment was made with is still there; True if that is not recorded."""
    try:
        lines = (folder / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return True
    home = next((line.partition("=")[2].strip() for line in lines if line.partition("=")[0].strip() == "home"), "")
    return not home or Path(home).is_dir()


def site_packages(folder: Path) -> Path | None:
    """Return the folder of an environment's packages, or None if there is none."""
    places = [folder / "Lib" / "site-packages", *sorted((folder / "lib").glob("python3*/site-packages"))]
    return next((path for path in places if path.is_dir()), None)


def forget_half_unpacked(folder: Path) -> None:
    """Remove the records of packages that pip had not unpacked when it was ended, so that it unpacks them again.

    pip writes the file INSTALLER after all others of a package. Raises OSError.
    """
    packages = site_packages(folder)
    for record in packages.glob("*.dist-info") if packages else ():
        if not (record / "INSTALLER").is_file():
            shutil.rmtree(record)


# -- the marker --------------------------------------------------------------------------------------------------------
def read_marker(folder: Path) -> Marker | None:
    """Return what is recorded in the folder; None if nothing readable is."""
    content = read_json(folder / MARKER)
    if not isinstance(content, dict) or not content:
        return None
    build = content.get("build")
    return Marker(
        _texts(content.get("requirements")),
        _texts(content.get("constraints")),
        build if isinstance(build, str) else "",
        content.get("complete") is True,
    )


def is_ours(folder: Path) -> bool:
    """Return whether the folder has a marker, which may be damaged, such as by a power cut."""
    return (folder / MARKER).is_file() and not is_link(folder / MARKER)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) and all(isinstance(item, str) for item in value) else ()


def write_marker(folder: Path, marker: Marker) -> None:
    """Record in the folder what it holds. Raises OSError."""
    content = {
        "requirements": list(marker.requirements),
        "constraints": list(marker.constraints),
        "build": marker.build,
        "complete": marker.complete,
    }
    part = folder / f"{MARKER}.part"
    part.write_text(json.dumps(content, indent=1), encoding="utf-8")
    replace_file(part, folder / MARKER)


# -- emptying and removing ---------------------------------------------------------------------------------------------
def prepare(folder: Path) -> None:
    """Create the folder if needed.

    Raises FolderTaken if it holds other files than venv and pip make, or is a link, a home folder or a root.
    """
    if is_link(folder):
        raise FolderTaken(f"{folder} is a link, and its target could be another program's", remedy=_REMEDY)
    if folder.is_file():
        raise FolderTaken(f"{folder} is a file, not a folder", remedy=_REMEDY)
    folder.mkdir(parents=True, exist_ok=True)
    resolved = folder.resolve()
    if resolved == Path(resolved.anchor) or Path.home().resolve().is_relative_to(resolved):
        raise FolderTaken(f"{folder} contains the home folder, and cannot hold a Keymatte environment", remedy=_REMEDY)
    has_marker = is_ours(folder)
    others = [path.name for path in _contents(folder) if not (has_marker and _is_part_of_environment(path))]
    if others:
        what = f"{folder} contains files that are not part of a Keymatte environment ({min(others)})"
        raise FolderTaken(what, remedy=_REMEDY)


def empty(folder: Path) -> None:
    """Remove what venv and pip made in a folder that `prepare` has accepted, but not its marker. Raises OSError.

    The marker says from the beginning that the environment is not complete, as this may be broken off.
    """
    with suppress(OSError):  # such as on a full disk, of which this frees some
        write_marker(folder, replace(read_marker(folder) or Marker(), complete=False))
    for path in _contents(folder):
        if path.is_dir() and not is_link(path):
            shutil.rmtree(path)
        else:
            path.unlink()


def remove(folder: Path) -> int:
    """Remove an environment, and return the bytes that it took; 0 if there is none.

    Nothing is removed if the folder holds files that are not Keymatte's. Raises FolderTaken, FolderInUse, OSError.
    """
    if not is_ours(folder):
        return 0
    prepare(folder)
    with locked(folder):
        size = size_of(folder)
        empty(folder)
        for name in (MARKER, f"{MARKER}.part"):
            (folder / name).unlink(missing_ok=True)
    with suppress(OSError):  # a file of the operating system may be in it
        folder.rmdir()
    return size


def downloads_of(folder: Path) -> Path:
    """Return where pip keeps what it has downloaded for an environment, until its installation is complete."""
    return folder.with_name(f"{folder.name}-downloads")


def log_of(folder: Path) -> Path:
    """Return the file that has all output of the last installation of an environment; it need not exist."""
    return folder.with_name(f"{folder.name}.log")


def remove_downloads(folder: Path) -> int:
    """Remove what pip keeps of downloads for an environment, and return the bytes that it took. Raises OSError."""
    downloads = downloads_of(folder)
    if is_link(downloads) or not downloads.is_dir():
        return 0
    size = size_of(downloads)
    for name in _PIP_FOLDERS:
        if not is_link(downloads / name) and (downloads / name).is_dir():
            shutil.rmtree(downloads / name)
    (downloads / "CACHEDIR.TAG").unlink(missing_ok=True)
    with suppress(OSError):  # something else is in it
        downloads.rmdir()
    return size


def size_of(folder: Path) -> int:
    """Return the bytes of all files in a folder; links are not followed."""
    return sum(_sizes(folder))


def _sizes(folder: Path) -> Iterator[int]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _sizes(Path(entry.path))
            elif entry.is_file(follow_symlinks=False):
                yield entry.stat(follow_symlinks=False).st_size


def _contents(folder: Path) -> list[Path]:
    """Return what is in the folder beside the marker, the lock, and what operating systems put there."""
    kept = (MARKER, f"{MARKER}.part", LOCK_FILE, OWNER_FILE)
    return [path for path in folder.iterdir() if path.name not in kept and not is_system_file(path.name)]


def _is_part_of_environment(path: Path) -> bool:
    """Return whether venv or pip makes a file or folder like this at the top of an environment."""
    if is_link(path):
        return path.name == "lib64" and path.readlink() == Path("lib")
    return path.name.lower() in (_LAYOUT_FOLDERS if path.is_dir() else _LAYOUT_FILES)
