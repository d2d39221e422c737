"""Record of the files delivered to a folder, which tells them from files that were there, and from edited ones."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from enum import Enum
from pathlib import Path

from ..shared.errors import FolderTaken
from ..shared.files import atomic_write, is_link, writing_error

RECORD = "keymatte-export.txt"
_HEADER = json.dumps(["Keymatte export", 1])
_MAX_VERSIONS = 4  # of one file that are remembered
_BLOCK = 1 << 20  # bytes


class State(Enum):
    """What is at the path of a file that is to be delivered."""

    MISSING = "missing"
    CURRENT = "current"  # what would be written
    STALE = "stale"  # written from other inputs
    OTHER = "other"  # written here, for another clip or in another format
    EDITED = "edited"  # written here, and changed since
    FOREIGN = "foreign"  # never written here


@dataclass(frozen=True)
class Origin:
    """What a file was exported of: a clip in a format, and the title that it was given, if names have it."""

    format: str  # and title
    mattes: str = ""  # hash of the path of the matte folder
    clip: str = ""  # hash of the clip's content, as its matte folder has it; empty if it is not known

    def is_same(self, other: Origin) -> bool:
        """Return whether another is of the same clip, moved or changed since, in the same format."""
        if self.format != other.format:
            return False
        return self.mattes == other.mattes or (self.clip == other.clip != "")


@dataclass(frozen=True)
class _Version:
    """What was written to a file once, for which clip and format, and a hash of what it was made of."""

    size: int  # bytes
    mtime: int  # ns
    crc: str
    origin: Origin
    inputs: str


class DeliveryRecord:
    """The files delivered to a folder: a line of JSON for each in `keymatte-export.txt`.

    A line is appended before its file takes its place, so that a file that is there has one at every moment, whenever
    the process is killed. What has none, or other bytes than its lines say, is never replaced.
    """

    def __init__(self, root: Path) -> None:
        """Read the record of a folder. Raises FolderTaken if another program's file has its name, FolderNotWritable."""
        self._path = root / RECORD
        self._root = root
        self._versions: dict[str, list[_Version]] = {}
        try:
            is_there = self._path.exists() or is_link(self._path)
            if is_there and (is_link(self._path) or not self._path.is_file()):
                raise FolderTaken(f"{self._path} is not a record of Keymatte")
            lines = self._path.read_text("utf-8", "replace").splitlines() if is_there else []
        except OSError as error:
            raise writing_error(self._path, error) from error
        if lines and lines[0] != _HEADER:
            raise FolderTaken(f"{self._path} is not a record of Keymatte")
        for line in lines[1:]:
            self._read(line)
        self._is_new = not lines
        self._is_long = len(lines) > 2 * sum(map(len, self._versions.values())) + 100

    def state(self, path: Path, origin: Origin, inputs: str) -> State:
        """Return what is at a path, where a file of the clip and format `origin`, made of `inputs`, is to be."""
        try:
            status = path.lstat()
        except FileNotFoundError:
            return State.MISSING
        except OSError:
            return State.FOREIGN
        versions = [one for one in self._versions.get(self._name(path), ()) if one.size == status.st_size]
        if is_link(path) or not path.is_file() or self._name(path) not in self._versions:
            return State.FOREIGN
        found = [one for one in versions if one.mtime == status.st_mtime_ns]
        if not found and versions:
            crc = _crc_of(path)
            found = [one for one in versions if one.crc == crc]
        if not found:
            return State.EDITED
        own = {one.inputs for one in found if one.origin.is_same(origin)}
        return State.OTHER if not own else State.CURRENT if inputs in own else State.STALE

    def write(self, path: Path, origin: Origin, inputs: str, make: Callable[[Path], None]) -> None:
        """Have `make` write a temporary file beside `path`, record it, and give it its name.

        Raises DiskFull, FolderNotWritable, and what `make` raises; then nothing is at `path` that was not before.
        """
        with atomic_write(path) as part:
            try:
                make(part)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
            status = part.stat()
            version = _Version(status.st_size, status.st_mtime_ns, _crc_of(part), origin, inputs)
            self._append(self._name(path), version)

    def _append(self, name: str, version: _Version) -> None:
        self._add(name, version)
        if self._is_new or self._is_long:
            self._rewrite()
            return
        with self._path.open("r+b") as file:
            end = file.seek(0, 2)
            if end:
                file.seek(end - 1)
                if file.read(1) != b"\n":  # the last line was cut short as the process was killed
                    file.write(b"\n")
            file.write(_line(name, version).encode())

    def _rewrite(self) -> None:
        with atomic_write(self._path) as part:
            rows = (_line(name, version) for name, versions in self._versions.items() for version in versions)
            part.write_text("".join((_HEADER + "\n", *rows)), "utf-8")
        self._is_new = self._is_long = False

    def _read(self, line: str) -> None:
        try:
            match json.loads(line):
                case [str() as name, int() as size, int() as mtime, str() as crc, [*origin], str() as inputs]:
                    self._add(name, _Version(size, mtime, crc, Origin(*map(str, origin)), inputs))
        except (ValueError, TypeError):
            pass  # the process was killed while it wrote the line, hence before the file took its place

    def _add(self, name: str, version: _Version) -> None:
        versions = self._versions.setdefault(name, [])
        versions.append(version)
        del versions[:-_MAX_VERSIONS]

    def _name(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


def inputs_of(parts: Iterable[object]) -> str:
    """Return a short hash of what a file is made of."""
    text = json.dumps([str(part) for part in parts])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _line(name: str, version: _Version) -> str:
    return json.dumps([name, version.size, version.mtime, version.crc, astuple(version.origin), version.inputs]) + "\n"


def _crc_of(path: Path) -> str:
    crc = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            crc = zlib.crc32(block, crc)
    return f"{crc:08x}"
