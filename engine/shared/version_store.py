"""Store of what runs replaced in a matte folder: for each run a folder with the earlier files and a record of them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from .codec import from_json, to_json
from .files import atomic_write, is_link, read_json
from .matte_folder import MatteFolder
from .quality import MatteQuality
from .record_lines import LINE

# Names of what is kept, as paths from the matte folder; no others are put back or removed.
NAME = re.compile(r"keymatte\.json|labels/[0-9]{6,}\.png|mattes/[0-9]{3}/[0-9]{6,}\.png|outlines/[0-9]{3}\.npz")

_ROW = re.compile(rf"(?P<name>{NAME.pattern})\t(?P<size>-|[0-9]{{1,18}})\t(?P<line>.*)")


class Side(StrEnum):
    """Which files of a run: those that were there before it, or those that it made, kept when it is undone."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True)
class RunInfo:
    """What is known of a run that can be undone."""

    run: str  # id of its inputs; see `shared.provenance`
    recipe: str
    job: str  # hash of everything that its mattes depend on, by which a run that resumes it is recognised
    when: float = field(default_factory=time.time)  # s since 1970, in UTC
    undone: bool = False
    moving: bool = False  # whether its files are being exchanged, to become what `undone` says

    @property
    def can_be_undone(self) -> bool:
        """Return whether `undo` is for this run; if not, `redo` is. An interrupted exchange is done once more."""
        return self.undone == self.moving


@dataclass(frozen=True)
class Row:
    """File of a matte folder as it was at one time."""

    name: str  # its path from the matte folder
    size: int | None  # bytes; None: there was no file
    line: str = ""  # of the record of written files; empty: it has none

    @property
    def number(self) -> int | None:
        """Return the number of the frame that an image is of; None if the file is no image."""
        return int(self.name[self.name.rindex("/") + 1 : -4]) if self.name.endswith(".png") else None

    @property
    def object_id(self) -> int | None:
        """Return the object that a matte is of; None if the file is no matte."""
        return int(self.name.split("/")[1]) if self.name.startswith("mattes/") else None

    def as_text(self) -> str:
        """Return the row as a line of a list."""
        return f"{self.name}\t{'-' if self.size is None else self.size}\t{self.line}\n"


@dataclass(frozen=True)
class Version:
    """Folder of what one run replaced.

    The files lie in `before` or, while the run is undone, in `after`, under the names that they have in the matte
    folder. The files `before.txt` and `after.txt` list them, a line for each with name, size (-: there was no file) and
    line of the record of written files, parted by tabs. A folder without `run.json` holds
    nothing that counts: that file is written first, and removed first.
    """

    path: Path

    @property
    def number(self) -> int:
        """Return the number of the run, by which runs are in order."""
        return int(self.path.name)

    def info(self) -> RunInfo | None:
        """Read what is known of the run; None if it is missing or damaged."""
        try:
            return from_json(RunInfo, read_json(self.path / "run.json"))
        except (TypeError, ValueError):
            return None

    def write_info(self, info: RunInfo) -> None:
        """Write what is known of the run. Raises DiskFull, FolderNotWritable."""
        with atomic_write(self.path / "run.json") as part:
            part.write_text(json.dumps(to_json(info)), encoding="utf-8")

    def file(self, side: Side, name: str) -> Path:
        """Return where the file with a name in the matte folder is kept."""
        return self.path / side.value / name

    def record(self, side: Side) -> Path:
        """Return the path of the list of the files on a side."""
        return self.path / f"{side.value}.txt"

    def rows(self, side: Side) -> dict[str, Row]:
        """Read the list of the files on a side, by name; damaged lines are left out, as the last one may be cut off."""
        try:
            lines = self.record(side).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return {}
        found = {}
        for line in lines:
            if match := _ROW.fullmatch(line):
                size = None if match["size"] == "-" else int(match["size"])
                found[match["name"]] = Row(match["name"], size, match["line"])
        return found

    def write_rows(self, side: Side, rows: Iterable[Row]) -> None:
        """Write the list of the files on a side. Raises DiskFull, FolderNotWritable."""
        with atomic_write(self.record(side)) as part:
            part.write_text("".join(row.as_text() for row in rows), encoding="utf-8")

    def clear(self, side: Side) -> None:
        """Remove the files on a side and their list. Raises OSError."""
        self.record(side).unlink(missing_ok=True)
        root = self.path / side.value
        for folder in (root / "labels", *_folders(root / "mattes"), root / "mattes", root / "outlines", root):
            if is_link(folder) or not folder.is_dir():
                continue
            for path in folder.iterdir():
                if NAME.fullmatch(path.relative_to(root).as_posix().removesuffix(".part")):
                    path.unlink()
            with suppress(OSError):  # somebody has put other files there
                folder.rmdir()

    def remove(self) -> None:
        """Remove everything that is kept of the run, and no other files that may be there. Raises OSError."""
        (self.path / "run.json").unlink(missing_ok=True)
        for side in Side:
            self.clear(side)
        with suppress(OSError):
            self.path.rmdir()
            self.path.parent.rmdir()


def versions(folder: MatteFolder) -> list[tuple[Version, RunInfo]]:
    """List what is kept in a matte folder of each run, the oldest first."""
    found = ((version, version.info()) for version in map(Version, folder.version_folders()))
    return [(version, info) for version, info in found if info is not None]


def run_ids(folder: MatteFolder) -> frozenset[str]:
    """Return the ids of the runs that kept mattes come from."""
    return frozenset(filter(None, _run_ids(folder)))


def _run_ids(folder: MatteFolder) -> Iterator[str]:
    for version, _ in versions(folder):
        for side in Side:
            for row in version.rows(side).values():
                match = LINE.fullmatch(row.line)
                quality = MatteQuality.from_text(match["quality"] or "") if match else None
                if quality:
                    yield from (quality.run, quality.kept_by)


def _folders(folder: Path) -> list[Path]:
    return [] if is_link(folder) or not folder.is_dir() else [path for path in folder.iterdir() if path.is_dir()]
