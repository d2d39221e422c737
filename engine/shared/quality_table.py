"""Table of the qualities of all mattes in a folder as they are there now, by object and frame."""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from .errors import FolderNotWritable
from .matte_folder import MatteFolder, is_number
from .quality import GIVEN, MatteQuality, version_of
from .record_lines import LINE

_SUFFIX = ".png"  # of a matte's file


class Status(StrEnum):
    """What is known of a matte."""

    GIVEN = "given"  # the user's own: of a keyframe, or of a frame that the user says is without the object
    COMPUTED = "computed"  # and its quality is known
    EDITED = "edited"  # by hand since Keymatte wrote it, or not Keymatte's at all
    UNKNOWN = "unknown"  # computed, but its quality is not known


class Unknown(StrEnum):
    """Why the quality of a matte is not known."""

    UNCALIBRATED = "uncalibrated"  # the method that made it has no calibration
    UNMEASURED = "unmeasured"  # nothing was measured, as on a frame that no keyframe of the object reaches
    NOT_RECORDED = "not recorded"  # a version of Keymatte that kept no quality made it
    OTHER_VERSION = "other version"  # what is recorded is of another version
    DAMAGED = "damaged"  # what is recorded cannot be read


@dataclass(frozen=True)
class MatteRow:
    """What is known of one matte."""

    status: Status
    quality: MatteQuality | None = None  # None: of a matte whose quality is not recorded, or cannot be read
    unknown: Unknown | None = None  # set if the status is UNKNOWN

    @property
    def value(self) -> float | None:
        """Return the probability, 0..1, that an artist would leave the matte as it is; None if it is not known."""
        return None if self.quality is None or self.status is Status.UNKNOWN else self.quality.value

    @property
    def is_own(self) -> bool:
        """Return whether the matte is the user's own, so that there is nothing to doubt."""
        return self.status in (Status.GIVEN, Status.EDITED)


NOT_RECORDED = MatteRow(Status.UNKNOWN, None, Unknown.NOT_RECORDED)
EDITED = MatteRow(Status.EDITED, MatteQuality(1.0, signals={GIVEN: 1.0}))
Rows = Mapping[int, Mapping[int, MatteRow]]  # object -> file number -> row

DAMAGED_RECORD = (
    "The record of what Keymatte wrote, keymatte-index.txt, is damaged: an image without a sound line in it counts as "
    "edited by hand, and is kept. Bring the file back from a backup, or delete it to have such mattes made anew"
)

_Written = tuple[int, int, str]  # size in bytes, date in ns and quality of what was written to a file once


@dataclass(frozen=True)
class QualityTable:
    """What is known of all mattes in a folder: `rows` are by object, then by file number, both ascending."""

    rows: Rows = field(default_factory=dict)
    stamp: tuple[int, int] | None = None  # size and date of the index that was read; None: there is none
    written: Mapping[str, list[_Written]] = field(default_factory=dict, repr=False)  # content of the index, by path
    is_damaged: bool = False  # whether the index has lines that cannot be read
    judged: Mapping[str, MatteRow] = field(default_factory=dict, repr=False)  # rows by the text of their quality

    @property
    def has_lost(self) -> bool:
        """Return whether mattes count as edited because the index is damaged."""
        return self.is_damaged and any(row.status is Status.EDITED for _, _, row in self.every())

    def every(self) -> Iterator[tuple[int, int, MatteRow]]:
        """Yield object, file number and row of each matte, in this order."""
        for object_id, rows in self.rows.items():
            for number, row in rows.items():
                yield object_id, number, row

    def known(self) -> dict[int, dict[int, MatteQuality]]:
        """Return the qualities that are known, by object and file number; those of the user's own mattes are given."""
        return {
            object_id: {number: row.quality for number, row in rows.items() if row.quality and row.value is not None}
            for object_id, rows in self.rows.items()
        }


def read_table(
    folder: MatteFolder, earlier: QualityTable | None = None, *, breathe: Callable[[], None] = lambda: None
) -> QualityTable:
    """Read the qualities of the mattes that are in a folder now. Raises FolderNotWritable if it cannot be read.

    Of mattes, only size and date are looked at, as in `WrittenFiles`: a matte that agrees with no line of the index was
    edited or is the user's. If most dates disagree, they are those of a copy of the folder, and the sizes decide.
    What is unchanged since `earlier`, a table of the same folder, is not parsed again. `breathe` is called every few
    microseconds, so that a thread can let others work.
    """
    try:
        return _read(folder, earlier, breathe)
    except OSError as error:
        raise FolderNotWritable(f"{error.filename or folder.root} cannot be read: {error.strerror}") from error


def _read(folder: MatteFolder, earlier: QualityTable | None, breathe: Callable[[], None]) -> QualityTable:
    stamp = index_stamp(folder)
    if earlier and earlier.stamp == stamp:
        written, is_damaged = earlier.written, earlier.is_damaged
    else:
        written, is_damaged = _read_index(folder, breathe)
    known = earlier.judged if earlier else {}
    rows: dict[int, dict[int, MatteRow]] = {}
    judged: dict[str, MatteRow] = {}
    for object_id, number, text in _recorded(folder, written, breathe):
        breathe()
        if stamp is None:
            row = NOT_RECORDED
        elif text is None:
            row = EDITED
        else:
            row = judged[text] = judged.get(text) or known.get(text) or row_of_text(text)
        rows.setdefault(object_id, {})[number] = row
    return QualityTable(rows, stamp, written, is_damaged, judged)


def _recorded(
    folder: MatteFolder, written: Mapping[str, list[_Written]], breathe: Callable[[], None]
) -> Iterator[tuple[int, int, str | None]]:
    """Yield object, number and recorded quality of each matte that is there; None for one that agrees with no line."""
    found = []
    for object_id, path in folder.matte_sequences().items():
        for number, size, mtime in _mattes(path, breathe):
            versions = written.get(f"mattes/{object_id:03d}/{number:06d}{_SUFFIX}", ())
            found.append((object_id, number, mtime, [one for one in versions if one[0] == size]))
    dated = sum(any(date == mtime for _, date, _ in same) for _, _, mtime, same in found)
    has_dates = 2 * dated >= sum(bool(same) for _, _, _, same in found)
    for object_id, number, mtime, same in found:
        texts = [text for _, date, text in same if date == mtime or not has_dates]
        yield object_id, number, texts[-1] if texts else None


def index_stamp(folder: MatteFolder) -> tuple[int, int] | None:
    """Return the size and date of the folder's index, which tell whether it has changed; None if there is none."""
    try:
        status = folder.index.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def row_of_text(text: str) -> MatteRow:
    """Return the row of a matte from what is recorded of its quality; see `MatteQuality.to_text`."""
    if not text:
        return NOT_RECORDED
    quality = MatteQuality.from_text(text)
    if quality is not None:
        return row_of(quality)
    return MatteRow(Status.UNKNOWN, None, Unknown.DAMAGED if version_of(text) is None else Unknown.OTHER_VERSION)


def row_of(quality: MatteQuality) -> MatteRow:
    """Return the row of a matte that Keymatte wrote with this quality."""
    if quality.is_given:
        return MatteRow(Status.GIVEN, replace(quality, value=1.0, reason=""))
    if quality.value is not None and math.isfinite(quality.value):
        return MatteRow(Status.COMPUTED, quality)
    if quality.value is not None:
        return MatteRow(Status.UNKNOWN, None, Unknown.DAMAGED)
    return MatteRow(Status.UNKNOWN, quality, Unknown.UNCALIBRATED if quality.signals else Unknown.UNMEASURED)


def _read_index(folder: MatteFolder, breathe: Callable[[], None]) -> tuple[dict[str, list[_Written]], bool]:
    """Read the lines of mattes in the index, empty if there is none, and whether others are damaged and left out."""
    try:
        text = folder.index.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return {}, False
    is_damaged = False
    written: dict[str, list[_Written]] = {}
    for line in text.splitlines() or [""]:  # an empty file has lost all lines
        breathe()
        match = LINE.fullmatch(line)
        is_damaged |= match is None
        if match and match["path"].startswith("mattes/"):
            version = int(match["size"]), int(match["mtime"]), match["quality"] or ""
            written.setdefault(match["path"], []).append(version)
    return written, is_damaged


def _mattes(sequence: os.PathLike[str], breathe: Callable[[], None]) -> Iterator[tuple[int, int, int]]:
    """Yield number, size in bytes and date in ns of the mattes in a folder, ascending; links are left out."""
    found = []
    with os.scandir(sequence) as entries:
        for entry in entries:
            breathe()
            stem = entry.name.removesuffix(_SUFFIX)
            if not is_number(stem) or entry.name != f"{int(stem):06d}{_SUFFIX}":
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:  # deleted at this moment
                continue
            if stat.S_ISREG(status.st_mode):
                found.append((int(stem), status.st_size, status.st_mtime_ns))
    yield from sorted(found)
