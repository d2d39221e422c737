"""Qualities of the mattes in a folder: as last read, with what a running job has told since, and their summary."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from ..engine.shared.files import modified_ns
from ..engine.shared.matte_folder import MatteFolder
from ..engine.shared.protocol import ObjectQuality
from ..engine.shared.quality_table import MatteRow, QualityTable, Rows, Status, Unknown, index_stamp, read_table
from ..engine.shared.stretches import Stretch, bad_stretches
from . import reviews

_Stamp = tuple[object, ...]  # of a folder: changes with its index, and whenever a matte is added, replaced or deleted


@dataclass(frozen=True)
class Summary:
    """What is known of the mattes in a folder."""

    rows: Rows
    stretches: tuple[Stretch, ...] = ()
    computed: int = 0  # mattes that were computed and whose quality is known
    unknown: Counter[Unknown] = field(default_factory=Counter)  # mattes whose quality is not known, by the reason
    uncalibrated: tuple[str, ...] = ()  # recipes without calibration that made some of them
    accepted: Mapping[int, frozenset[int]] = field(default_factory=dict)  # mattes accepted as they are, by object
    has_lost: bool = False  # whether mattes count as edited because the record is damaged


class QualityRows:
    """Rows of a folder's mattes. Several threads may use them, but only one at a time reads or sums up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # held for short moments
        self._table = QualityTable()
        self._stamp: _Stamp | None = None  # None: not read yet
        self._rows: dict[int, dict[int, MatteRow]] = {}  # those of the table, and those told since
        self._accepted: Mapping[int, str] = {}  # by object, as stored; see `reviews.texts`
        self._told: list[tuple[int, int, MatteRow]] = []  # since the last reading began, oldest first
        self.version = 0  # goes up whenever what is known of the mattes changes
        self.has_changed = False  # since it was summed up
        self.summary: Summary | None = None  # None: not summed up yet

    @property
    def is_read(self) -> bool:
        """Return whether the folder was read."""
        return self._stamp is not None

    def tell(self, number: int, qualities: Iterable[ObjectQuality]) -> None:
        """Take in the qualities of mattes that a job has just written on the frame with a file number."""
        with self._lock:
            for quality in qualities:
                row = quality.row()
                self._told.append((quality.object_id, number, row))
                self._rows.setdefault(quality.object_id, {})[number] = row
                self._change()

    def accept(self, accepted: Mapping[int, str]) -> None:
        """Take in which mattes are accepted as they are, by object, as stored."""
        with self._lock:
            if self._accepted != accepted:
                self._accepted = accepted
                self._change()

    def now(self) -> tuple[int, Rows, dict[int, frozenset[int]]]:
        """Return the version, all rows, and the numbers of accepted mattes, which are fully trusted."""
        with self._lock:
            version, rows, marks = self.version, _copy(self._rows), reviews.parse(self._accepted)
        return version, *_with_accepted(rows, marks)

    def read(self, folder: MatteFolder, *, always: bool, breathe: Callable[[], None]) -> None:
        """Read the folder, if it has changed or `always`. Raises FolderNotWritable."""
        stamp = _stamp_of(folder)
        if not always and self._stamp == stamp:
            return
        with self._lock:
            before, count = _copy(self._rows), len(self._told)
        table = read_table(folder, self._table, breathe=breathe)
        rows = _copy(table.rows)
        has_changed = self._stamp is None or rows != before
        with self._lock:
            self._told = self._told[count:]
            for object_id, number, row in self._told:  # while it was being read
                rows.setdefault(object_id, {})[number] = row
            self._rows, self._table, self._stamp = rows, table, stamp
            if has_changed:
                self._change()

    def sum_up(self, breathe: Callable[[], None]) -> None:
        """Bring the summary up to date."""
        with self._lock:
            self.has_changed = False
        _, rows, accepted = self.now()
        self.summary = replace(_summed_up(rows, accepted, breathe), has_lost=self._table.has_lost)

    def _change(self) -> None:
        self.version += 1
        self.has_changed = True


def _stamp_of(folder: MatteFolder) -> _Stamp:
    return index_stamp(folder), *((path, modified_ns(path)) for path in folder.matte_sequences().values())


def _copy(rows: Rows) -> dict[int, dict[int, MatteRow]]:
    return {object_id: dict(of_object) for object_id, of_object in rows.items()}


def _summed_up(rows: Rows, accepted: Mapping[int, frozenset[int]], breathe: Callable[[], None]) -> Summary:
    rows = {object_id: dict(sorted(of_object.items())) for object_id, of_object in sorted(rows.items())}
    table = QualityTable(rows)
    unknown: Counter[Unknown] = Counter()
    methods: set[str] = set()
    computed = 0
    for _, _, row in table.every():
        breathe()
        computed += row.status is Status.COMPUTED
        if row.unknown is not None:
            unknown[row.unknown] += 1
            if row.unknown is Unknown.UNCALIBRATED and row.quality:
                methods.add(row.quality.method)
    stretches = tuple(bad_stretches(table.known(), breathe=breathe))
    return Summary(rows, stretches, computed, unknown, tuple(sorted(methods)), accepted)


def _with_accepted(
    found: dict[int, dict[int, MatteRow]], marks: reviews.Marks
) -> tuple[Rows, dict[int, frozenset[int]]]:
    """Return the rows with full trust in mattes that are accepted and have not changed since, and their numbers."""
    accepted: dict[int, frozenset[int]] = {}
    for object_id, by_number in marks.items():
        of_object = found.get(object_id, {})
        known = {number: row.quality for number, row in of_object.items() if row.status is Status.COMPUTED}
        same = {
            number: quality
            for number, mark in by_number.items()
            if (quality := known.get(number)) is not None and reviews.mark_of(quality) == mark
        }
        for number, quality in same.items():
            of_object[number] = MatteRow(Status.COMPUTED, replace(quality, value=1.0, reason=""))
        accepted[object_id] = frozenset(same)
    return found, accepted
