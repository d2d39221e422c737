"""Folders of benchmarks: finding the one that a user means from a folder above, below or beside, and listing files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from ...media.pictures import is_picture
from ...shared.files import is_system_file
from ...shared.names import in_natural_order

_INNER = ("JPEGImages", "Annotations", "ImageSets", "Videos", "frames", "masks")  # how inner folders' names begin
_SPLITS = ("train", "valid", "val", "test", "train_480p", "val_480p", "test_480p", "all_frames", "valid_all_frames")
_MAX_HEIGHT = 6  # folders from the one given upwards that are looked at
_MAX_DEPTH = 4  # folders below the one given that are searched
_MAX_FOLDERS = 200  # a folder of more is one of sequences or of something else, and is not searched
_MAX_SEARCHED = 3000  # folders in all, so that a whole disk is not read


def subfolders(folder: Path) -> list[Path]:
    """List the folders in `folder` in natural order, without hidden ones and those of operating systems."""
    try:
        found = [path for path in folder.iterdir() if path.is_dir()]
    except OSError:
        return []
    return in_natural_order(path for path in found if not path.name.startswith(".") and not is_system_file(path.name))


def images_in(folder: Path) -> tuple[Path, ...]:
    """List the images in `folder` in natural order; none if it is no folder."""
    try:
        return tuple(in_natural_order(path for path in folder.iterdir() if is_picture(path)))
    except OSError:
        return ()


def by_stem(paths: Iterable[Path]) -> dict[str, Path]:
    """Return paths by their names without suffix, in their order."""
    return {path.stem: path for path in paths}


def lines_of(file: Path) -> list[str]:
    """Return the lines of a text file that are not blank, without spaces around them. Raises OSError."""
    return [line.strip() for line in file.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]


def is_inner(name: str) -> bool:
    """Return whether a folder of this name is inside a data set."""
    return name.startswith(_INNER)


def candidates(root: Path) -> list[Path]:
    """List folders that may be the data set's own, likeliest first: `root`, those it lies in, and those below it.

    A folder above counts only if `root` is one of its inner folders, such as DAVIS/JPEGImages/480p/bear. A large tree
    is not searched to its end.
    """
    return list(dict.fromkeys(islice(_around(root), _MAX_SEARCHED)))


def _around(root: Path) -> Iterator[Path]:
    root = root.absolute()
    yield root
    for folder in (root, *root.parents)[:_MAX_HEIGHT]:
        if is_inner(folder.name) or folder.name in _SPLITS:
            yield folder.parent
    level = [root]
    for _ in range(_MAX_DEPTH):
        below: list[Path] = []
        for folder in level:
            found = _searched(folder)
            yield from found
            below += found
        level = below


def _searched(folder: Path) -> list[Path]:
    """Return the folders below `folder` that may hold a data set."""
    below = [path for path in subfolders(folder) if not is_inner(path.name)]
    return below if len(below) <= _MAX_FOLDERS else []
