"""Record of the images that Keymatte wrote to a matte folder, which tells them from images edited since."""

from __future__ import annotations

import io
import os
import stat
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count as count_from
from pathlib import Path
from typing import Protocol

from .errors import DiskFull, FolderNotWritable
from .files import atomic_write, writing_error
from .matte_folder import MatteFolder
from .quality import MatteQuality
from .record_lines import FileVersion, line_of, version_in, without_record

_MAX_VERSIONS = 4  # of one file that are remembered


class Keeper(Protocol):
    """What keeps images before they are replaced."""

    def keep(self, path: Path) -> None:
        """Keep the image at `path`, if there is one."""

    def make_room(self) -> bool:
        """Remove what is kept, as the disk is full. Returns whether there was anything."""


@dataclass(frozen=True)
class Found:
    """What is at the path of an image now."""

    size: int | None  # bytes; None: nothing
    line: str  # of the record; empty: it has none
    is_edited: bool  # whether it is the user's; see `WrittenFiles.is_edited`


class WrittenFiles:
    """The images that Keymatte wrote to a matte folder: a line for each in `keymatte-index.txt`.

    A line holds size (bytes), date (ns), CRC-32 and path, and the quality of a matte as JSON. It is appended before the
    image takes its place, so that at every moment the image on disk has a line; hence a path may have several. An image
    that has no line, or whose bytes agree with none of its lines, is the user's.
    """

    def __init__(self, folder: MatteFolder) -> None:
        """Read the record of `folder`; a folder of an earlier version has none, see `without_record`."""
        self._folder = folder
        self._file: io.FileIO | None = None
        self._versions: dict[str, list[FileVersion]] = {}
        self.is_damaged = False  # whether the record has lines that cannot be read
        self._keeper: Keeper | None = None
        try:
            text = folder.index.read_text(encoding="ascii", errors="replace")
        except FileNotFoundError:
            self._versions = without_record(folder)
        except OSError as error:
            raise FolderNotWritable(f"{folder.index} cannot be read: {error.strerror}") from error
        else:
            for line in text.splitlines() or [""]:  # an empty file has lost all lines
                self.is_damaged |= not self._read_line(line)  # the last line may be incomplete

    def keep_with(self, keeper: Keeper) -> None:
        """Have `keeper` told of each image before it is written, replaced or removed here."""
        self._keeper = keeper

    def write(self, path: Path, data: bytes, quality: MatteQuality | None = None) -> None:
        """Write the bytes of an image in the folder, atomically, and the quality of a matte beside its name.

        Raises DiskFull, FolderNotWritable.
        """
        self._keep(path)
        self._with_room(lambda: self._write(path, data, quality))

    def _with_room(self, write: Callable[[], None]) -> None:
        """Write something; if the disk is full, once more after room was made. Raises what `write` raises."""
        try:
            write()
        except DiskFull:
            if self._keeper is None or not self._keeper.make_room():
                raise
            write()

    def _write(self, path: Path, data: bytes, quality: MatteQuality | None) -> None:
        with atomic_write(path) as part:
            part.write_bytes(data)
            text = quality.to_text() if quality else ""
            version = FileVersion(len(data), part.stat().st_mtime_ns, f"{zlib.crc32(data):08x}", text)
            self._append(self._name(path), version)

    def sign(self, path: Path, quality: MatteQuality) -> None:
        """Record another quality of the matte at `path`, whose bytes stay as they are, unless it was edited.

        Raises DiskFull, FolderNotWritable.
        """
        self._keep(path)
        if known := version_in(self.found(self._name(path)).line):
            name, version = known
            self._with_room(lambda: self._sign(name, replace(version, quality=quality.to_text())))

    def _sign(self, name: str, version: FileVersion) -> None:
        try:
            self._append(name, version)
        except OSError as error:
            raise writing_error(self._folder.index, error) from error

    def remove(self, path: Path) -> None:
        """Remove an image; its lines stay until `forget`. Raises OSError."""
        self._keep(path)
        path.unlink(missing_ok=True)

    def _keep(self, path: Path) -> None:
        if self._keeper is not None:
            self._keeper.keep(path)

    def found(self, name: str) -> Found:
        """Look at the image whose path from the folder is `name`."""
        path = f"{self._folder.root}/{name}"
        try:
            status = os.lstat(path)
        except OSError as error:
            return Found(None, "", is_edited=not isinstance(error, FileNotFoundError))
        if not stat.S_ISREG(status.st_mode):
            return Found(status.st_size, "", is_edited=True)
        known = [item for item in self._versions.get(name, ()) if item.size == status.st_size]
        same = [item for item in known if item.mtime == status.st_mtime_ns]
        if known and not same:
            same = [item for crc in [_crc_of(Path(path))] for item in known if item.crc == crc]
        line = line_of(name, same[-1]).decode("ascii").rstrip("\n") if same else ""
        return Found(status.st_size, line, is_edited=not same)

    def add_lines(self, lines: Iterable[str]) -> None:
        """Add lines of images that are about to take their places, as the latest of each; `save` writes them."""
        for line in lines:
            self._read_line(line)

    def save(self) -> None:
        """Write the whole record. Raises DiskFull, FolderNotWritable."""
        self.close()
        self._rewrite()

    def __contains__(self, path: Path) -> bool:
        """Return whether Keymatte has written a file at `path`; it may have been edited or deleted since."""
        return self._name(path) in self._versions

    def is_edited(self, path: Path) -> bool:
        """Return whether a file is at `path` whose bytes are not those that Keymatte wrote."""
        try:
            status = path.stat()
            versions = [item for item in self._versions.get(self._name(path), ()) if item.size == status.st_size]
            if any(item.mtime == status.st_mtime_ns for item in versions):
                return False
            return not versions or f"{zlib.crc32(path.read_bytes()):08x}" not in {item.crc for item in versions}
        except FileNotFoundError:
            return False
        except OSError:
            return True  # what cannot be read is not known to be Keymatte's

    def quality(self, path: Path) -> MatteQuality | None:
        """Return the quality of the matte that is now at `path`; None if it is unknown.

        It is unknown for what Keymatte did not write, and for what was edited since.
        """
        try:
            return next(iter(self.qualities(path, path.read_bytes())), None)
        except OSError:
            return None

    def qualities(self, path: Path, data: bytes) -> list[MatteQuality]:
        """List the qualities of the matte with the bytes `data`, written to `path`; the latest comes first."""
        crc = f"{zlib.crc32(data):08x}"
        versions = reversed(self._versions.get(self._name(path), ()))
        texts = [version.quality for version in versions if (version.size, version.crc) == (len(data), crc)]
        return [quality for text in texts if (quality := MatteQuality.from_text(text))]

    def run_ids(self) -> frozenset[str]:
        """Return the ids of the runs that the recorded mattes come from."""
        texts = {version.quality for versions in self._versions.values() for version in versions}
        known = [quality for text in texts if (quality := MatteQuality.from_text(text))]
        return frozenset(id_ for quality in known for id_ in (quality.run, quality.kept_by) if id_)

    def recorded(self) -> list[Path]:
        """List the images that were written and are still in the folder, whether or not they were edited since."""
        return [path for path in self._folder.image_files() if path in self]

    def forget(self, paths: Iterable[Path]) -> None:
        """Remove files from the record, and the record if it is empty then. Raises DiskFull, FolderNotWritable."""
        for path in paths:
            self._versions.pop(self._name(path), None)
        if self._versions:
            self.save()
        else:
            self.close()
            kept = bool(self._folder.version_folders())  # they name runs
            for path in (self._folder.index, *(() if kept else (self._folder.runs,))):
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def set_aside(self, path: Path) -> Path:
        """Move an image to the folder `edited`, where Keymatte never changes it; return its new path.

        Raises FolderNotWritable, DiskFull.
        """
        aside = self._folder.root / "edited" / self._name(path)
        names = (aside.with_stem(f"{aside.stem}-{count}" if count > 1 else aside.stem) for count in count_from(1))
        target = next(name for name in names if not name.exists())
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
        except OSError as error:
            raise writing_error(target, error) from error
        self._versions.pop(self._name(path), None)
        return target

    def close(self) -> None:
        """Close the file; nothing is lost without it."""
        if self._file:
            self._file.close()
            self._file = None

    def _read_line(self, line: str) -> bool:
        """Read a line of the record; return whether it is sound."""
        known = version_in(line)
        if known is not None:
            self._add(*known)
        return known is not None

    def _append(self, name: str, version: FileVersion) -> None:
        if self._file is None:
            self._rewrite()  # without the versions that are no longer needed; a link in its place is replaced
            self._file = self._folder.index.open("ab", buffering=0)  # a buffer would write again what has failed
        end, rest = self._file.tell(), line_of(name, version)
        try:
            while rest:  # on a disk that is nearly full, only a part may be written at first
                rest = rest[self._file.write(rest) :]
        except OSError:
            with suppress(OSError):
                self._file.truncate(end)  # or a later line would continue the incomplete one
            raise
        self._add(name, version)

    def _rewrite(self) -> None:
        has_lost = self.is_damaged and any(path not in self for path in self._folder.image_files())
        with atomic_write(self._folder.index) as part, part.open("wb") as file:
            file.write(b"damaged\n" * has_lost)  # so that it is told for as long as images count as edited by it
            for name, versions in self._versions.items():
                file.writelines(line_of(name, version) for version in versions)

    def _add(self, name: str, version: FileVersion) -> None:
        versions = self._versions.setdefault(name, [])
        if version in versions:
            versions.remove(version)
        versions.append(version)
        del versions[:-_MAX_VERSIONS]

    def _name(self, path: Path) -> str:
        return path.relative_to(self._folder.root).as_posix()


def _crc_of(path: Path) -> str:
    """Return the CRC-32 of a file's bytes, as the record has it; empty if it cannot be read."""
    try:
        return f"{zlib.crc32(path.read_bytes()):08x}"
    except OSError:
        return ""
