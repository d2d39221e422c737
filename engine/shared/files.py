"""Files written whole or not at all, and what to say when one cannot be written."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import DiskFull, FolderNotWritable

_PATIENCE = 2.0  # seconds


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside `path`, and rename it to `path` when the block ends without an error.

    Readers of `path` see the old file or the new one, never a part of one. Raises DiskFull or FolderNotWritable.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        _rename(part, path)
    except OSError as error:
        with suppress(OSError):  # its folder may be a file
            part.unlink()
        raise writing_error(path, error) from error


def _rename(part: Path, path: Path) -> None:
    """On Windows a file that someone reads at this instant cannot be replaced: wait for it to be let go."""
    end = time.monotonic() + (_PATIENCE if os.name == "nt" else 0.0)
    while True:
        try:
            part.replace(path)
            return
        except PermissionError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def writing_error(path: Path, error: OSError) -> DiskFull | FolderNotWritable:
    """The error to raise when `path` could not be written."""
    if error.errno in (28, 122):  # ENOSPC, EDQUOT
        return DiskFull(f"no space is left to write {path.name} in {path.parent}")
    return FolderNotWritable(f"{path} cannot be written: {os.strerror(error.errno) if error.errno else error}")
