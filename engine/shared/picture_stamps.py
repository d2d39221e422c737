"""Stamps of picture files, by which it is told whether a matte's picture has changed since the matte was made."""

from __future__ import annotations

import zlib
from functools import lru_cache
from pathlib import Path

_WHOLE = 1 << 28  # bytes: of a larger file, such as a movie, only parts are read
_PART = 1 << 20  # bytes


def picture_stamp(path: Path) -> str:
    """Return size (bytes), date (ns) and CRC-32 of a file; of a large one, the CRC-32 of start, middle and end.

    It is empty if the file cannot be read.
    """
    try:
        status = path.stat()
        return _stamp(path, status.st_size, status.st_mtime_ns)
    except OSError:
        return ""


def is_same_picture(stamp: str, path: Path) -> bool:
    """Return whether a file is the one that a stamp was taken of; a copy with another date is, if the bytes are.

    A stamp or file that cannot be read is not known to be another.
    """
    try:
        size, date, crc = stamp.split("-")
        status = path.stat()
        if status.st_size != int(size):
            return False
        return status.st_mtime_ns == int(date) or _crc(path, status.st_size, status.st_mtime_ns) == crc
    except (OSError, ValueError):
        return True


def _stamp(path: Path, size: int, date: int) -> str:
    return f"{size}-{date}-{_crc(path, size, date)}"


@lru_cache(maxsize=1 << 14)
def _crc(path: Path, size: int, date: int) -> str:
    """Return the CRC-32 of a file, or of its parts. The date makes the cache forget a file that has changed."""
    crc = 0
    with path.open("rb") as file:
        starts = range(0, size, _PART) if size <= _WHOLE else (0, size // 2, size - _PART)
        for start in starts:
            file.seek(start)
            crc = zlib.crc32(file.read(_PART), crc)
    return f"{crc:08x}"
