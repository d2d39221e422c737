"""Record of the SHA-256 of a downloaded file, kept beside the weights, with which later downloads are compared."""

from __future__ import annotations

import re
from pathlib import Path

from ..shared.errors import DownloadRefused, WeightsDamaged
from ..shared.files import atomic_write

_MAX_BYTES = 1000
_LINE = re.compile(r"([0-9a-f]{64}) [ *]\S[^\r\n]*\s*", re.ASCII)  # as written by sha256sum


def read_record(record: Path) -> str:
    """Return the SHA-256 that is recorded; empty if there is no record. Raises WeightsDamaged."""
    try:
        with record.open("rb") as file:
            text = file.read(_MAX_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise _unreadable(record) from error
    line = _LINE.fullmatch(text)
    if not line:
        raise _unreadable(record)
    return line[1]


def expect_recorded(record: Path, file_name: str, sha256: str) -> None:
    """Raise DownloadRefused if another SHA-256 is recorded, WeightsDamaged if the record cannot be read."""
    before = read_record(record)
    if before and before != sha256:
        raise DownloadRefused(
            f"{file_name} is not the file that was downloaded before: its SHA-256 is {sha256} instead of {before}",
            remedy=f"Ask its authors whether they have published another file. If they have, delete {record}, and "
            "download it again.",
        )


def write_record(record: Path, file_name: str, sha256: str) -> None:
    """Record the SHA-256 of a file in the format of sha256sum. Raises DiskFull, FolderNotWritable."""
    with atomic_write(record) as part:
        part.write_text(f"{sha256}  {file_name}\n", encoding="utf-8")


def _unreadable(record: Path) -> WeightsDamaged:
    return WeightsDamaged(
        f"{record}, which records the SHA-256 of a download, cannot be read",
        remedy="Delete it, and the next download is recorded anew.",
    )
