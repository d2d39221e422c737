"""Atomic writing of files, and the errors to raise if a file cannot be written."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import DiskFull, FolderNotWritable

_MAX_RETRY_SECONDS = 2.0
_SYSTEM_FILES = (
    *(".ds_store", ".localized", ".spotlight-v100", ".trashes", ".fseventsd", ".temporaryitems"),  # macOS
    *("thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information"),  # Windows
    *(".directory", "lost+found"),  # Linux
)
_SYSTEM_PREFIXES = ("._", ".nfs", ".fuse_hidden", ".trash-", ".smbdelete")


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside `path`, and rename it to `path` when the block ends without an error.

    Readers of `path` see the old file or the new one, never part of one. Missing folders are
    created. Raises DiskFull, FolderNotWritable.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if part.is_symlink():
            part.unlink()  # else the link's target would be overwritten
        yield part
        _replace(part, path)
    except OSError as error:
        with suppress(OSError):  # the folder may itself be a file
            part.unlink()
        raise writing_error(path, error) from error


def _replace(part: Path, path: Path) -> None:
    """Rename `part` to `path`; on Windows retry for a while, since a file that is being read cannot be replaced."""
    end = time.monotonic() + (_MAX_RETRY_SECONDS if os.name == "nt" else 0.0)
    while True:
        try:
            part.replace(path)
            return
        except PermissionError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def writing_error(path: Path, error: OSError) -> DiskFull | FolderNotWritable:
    """Return the error to raise when `path` could not be written: DiskFull or FolderNotWritable."""
    if error.errno in (28, 122):  # ENOSPC, EDQUOT
        return DiskFull(f"no space is left to write {path.name} in {path.parent}")
    return FolderNotWritable(f"{path} cannot be written: {os.strerror(error.errno) if error.errno else error}")


def is_link(path: Path) -> bool:
    """Return whether `path` is a symbolic link or, on Windows, a junction; False if it does not exist."""
    if sys.platform == "win32":
        try:
            status = os.lstat(path)
        except OSError:
            return False
        return stat.S_ISLNK(status.st_mode) or status.st_reparse_tag == stat.IO_REPARSE_TAG_MOUNT_POINT
    return path.is_symlink()


def is_system_file(name: str) -> bool:
    """Return whether a file of this name is one that operating systems put into folders, such as `.DS_Store`."""
    return name.lower() in _SYSTEM_FILES or name.lower().startswith(_SYSTEM_PREFIXES)
