"""Files that an option names, which are replaced only where Keymatte wrote them."""

from __future__ import annotations

import zipfile
from pathlib import Path

from ..shared.errors import FolderTaken

_REMEDY = "Name a new file, or move that one; it was not changed."


def refuse_foreign_table(path: Path | None, columns: str) -> None:
    """Raise FolderTaken if a file exists that does not begin with the first columns of the table to be written."""
    if path is None or not path.exists():
        return
    expected = columns.encode()
    if not path.is_file() or _start(path, len(expected)) != expected:
        raise FolderTaken(f"{path} is there already, and is no such table of Keymatte's", remedy=_REMEDY)


def refuse_foreign_arrays(path: Path | None, array: str) -> None:
    """Raise FolderTaken if a file exists that is not an .npz file with this array."""
    if path is None or not path.exists():
        return
    try:
        with zipfile.ZipFile(path) as stored:
            if f"{array}.npy" in stored.namelist():
                return
    except (OSError, zipfile.BadZipFile):
        pass
    raise FolderTaken(f"{path} is there already, and holds no {array} of Keymatte's", remedy=_REMEDY)


def _start(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError:
        return b""
