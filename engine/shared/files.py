"""Atomic writing of files, and the errors to raise if a file cannot be written."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .errors import DiskFull, FolderNotWritable

_MAX_RETRY_SECONDS = 2.0
_MAX_JSON = 16 << 20  # bytes
_SYSTEM_FILES = (
    *(".ds_store", ".localized", ".spotlight-v100", ".trashes", ".fseventsd", ".temporaryitems"),  # macOS
    *("thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information"),  # Windows
    *(".directory", "lost+found"),  # Linux
)
_SYSTEM_PREFIXES = ("._", ".nfs", ".fuse_hidden", ".trash-", ".smbdelete")


def read_json(path: Path) -> Any:
    """Read a small JSON file that Keymatte has written; None if it is missing, damaged or too large."""
    try:
        with path.open("rb") as file:
            return json.loads(file.read(_MAX_JSON))
    except (OSError, ValueError, RecursionError):
        return None


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside `path`, and rename it to `path` when the block ends without an error.

    Readers of `path` see the old file or the new one, never part of one. Missing folders are
    created. Raises DiskFull, FolderNotWritable.
    """
    try:
        part = path.with_name(path.name + ".part")
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            part.lstat()  # fails for a name that the file system does not take
    except (OSError, ValueError) as error:
        raise writing_error(path, error) from error
    try:
        if part.is_dir() and not part.is_symlink():
            raise FolderNotWritable(
                f"{path} cannot be written: {part.name}, the name of its temporary file, is a folder",
                remedy="Move or rename that folder.",
            )
        part.unlink(missing_ok=True)  # of an earlier run, or a link, whose target must not be overwritten
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))  # fails if another process is as far
        yield part
        replace_file(part, path)
    except OSError as error:
        with suppress(OSError):  # the folder may itself be a file
            part.unlink()
        raise writing_error(path, error) from error


def link_or_copy(source: Path, target: Path) -> None:
    """Give the content of a file another name as well, atomically, in an existing folder; a file there is replaced.

    It is a hard link, which is safe for files that are replaced and never changed in place; where the file system has
    none, it is a copy with the same date. Raises DiskFull, FolderNotWritable.
    """
    part = target.with_name(target.name + ".part")
    with suppress(OSError):  # no hard links, or too many of one file; whatever else it is, copying meets it too
        if not is_link(source):
            part.unlink(missing_ok=True)
            part.hardlink_to(source)
            replace_file(part, target)
            part.unlink(missing_ok=True)  # replacing a file by itself leaves it there
            return
    with atomic_write(target) as part:
        shutil.copy2(source, part)


def replace_file(part: str | Path, path: str | Path) -> None:
    """Rename `part` to `path`; on Windows retry for a while, since a file that is being read cannot be replaced."""
    end = time.monotonic() + (_MAX_RETRY_SECONDS if os.name == "nt" else 0.0)
    while True:
        try:
            os.replace(part, path)  # noqa: PTH105  # a path object would cost more than the call
            return
        except PermissionError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def writing_error(path: Path, error: OSError | ValueError) -> DiskFull | FolderNotWritable:
    """Return the error to raise when `path` could not be written: DiskFull or FolderNotWritable.

    Python raises ValueError for a null character, one that the file system cannot encode, and no name at all.
    """
    if isinstance(error, ValueError):
        return FolderNotWritable(f"{path} cannot be written: {error}")
    if error.errno in (28, 122):  # ENOSPC, EDQUOT
        return DiskFull(f"no space is left to write {path.name} in {path.parent}")
    return FolderNotWritable(f"{path} cannot be written: {os.strerror(error.errno) if error.errno else error}")


def modified_ns(path: Path) -> int:
    """Return when a file or folder was last modified, in nanoseconds; 0 if it does not exist."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


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
