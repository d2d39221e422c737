"""Lines of the record of images that Keymatte wrote to a matte folder; see `written_files`."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field

from .matte_folder import MatteFolder

LINE = re.compile(  # of the record; see `WrittenFiles`
    r"(?P<size>[0-9]{1,18}) (?P<mtime>[0-9]{1,20}) (?P<crc>[0-9a-f]{8}) "
    r"(?P<path>labels/[0-9]{6,}\.png|mattes/[0-9]{3}/[0-9]{6,}\.png)( (?P<quality>.*))?"
)  # a quality that is damaged makes the matte no less Keymatte's
_SECONDS_AFTER_LABELS = 60.0  # a matte this much newer than its frame's label image was edited; see `without_record`


@dataclass(frozen=True)
class FileVersion:
    """What was written to a file once."""

    size: int  # bytes
    mtime: int  # ns
    crc: str  # CRC-32 of the bytes, 8 hexadecimal digits
    quality: str = field(default="", compare=False)  # of a matte; see `MatteQuality.to_text`


def line_of(name: str, version: FileVersion) -> bytes:
    """Return the line of an image, given by its path from the folder."""
    quality = f" {version.quality}" if version.quality else ""
    return f"{version.size} {version.mtime} {version.crc} {name}{quality}\n".encode("ascii", "replace")  # damaged


def version_in(line: str) -> tuple[str, FileVersion] | None:
    """Return the path from the folder and the version that a line of the record names; None if it is damaged."""
    match = LINE.fullmatch(line)
    if match is None:
        return None
    return match["path"], FileVersion(int(match["size"]), int(match["mtime"]), match["crc"], match["quality"] or "")


def without_record(folder: MatteFolder) -> dict[str, list[FileVersion]]:
    """Return a record of the images in a folder in which an earlier version kept none.

    Earlier versions wrote the label image of a frame right after its mattes. A matte that is newer by more than a
    minute was therefore edited, and gets no record. If most are, the dates are those of a copy and tell nothing.
    """
    if not folder.root.is_dir():
        return {}
    found: dict[str, FileVersion] = {}
    edited = []
    for path in folder.image_files():
        try:
            status, data = path.stat(), path.read_bytes()
            name = path.relative_to(folder.root).as_posix()
            found[name] = FileVersion(len(data), status.st_mtime_ns, f"{zlib.crc32(data):08x}")
            labels = folder.labels(int(path.stem))
            if labels.is_file() and status.st_mtime > labels.stat().st_mtime + _SECONDS_AFTER_LABELS:
                edited.append(name)
        except OSError:  # cannot be read, hence is not known to be Keymatte's
            continue
    mattes = sum(name.startswith("mattes/") for name in found)
    if len(edited) * 2 <= mattes:
        for name in edited:
            del found[name]
    return {name: [version] for name, version in found.items()}
