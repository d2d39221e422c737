"""Thread that reads and sums up the qualities in matte folders, with what a running job tells of its mattes."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..engine.shared.errors import EngineError
from ..engine.shared.files import modified_ns
from ..engine.shared.matte_folder import MatteFolder
from ..engine.shared.protocol import ObjectQuality
from ..engine.shared.quality_table import MatteRow, QualityTable, Rows, Status, Unknown, index_stamp, read_table
from ..engine.shared.stretches import Stretch, bad_stretches
from . import reviews

_log = logging.getLogger(__name__)

_LOOK_AGAIN = 10.0  # seconds until mattes are looked at again that were perhaps edited in place
_MIN_PAUSE = 0.5  # seconds between the end of a look and the next
_BREATH = 0.002  # seconds of reading until others may work
_MAX_SHARE = 0.05  # of the time that may be spent on reading and summing up

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


@dataclass
class _Entry:
    """A folder: the table last read, and the rows that have come since."""

    table: QualityTable = field(default_factory=QualityTable)
    stamp: _Stamp | None = None  # None: not read yet
    rows: dict[int, dict[int, MatteRow]] = field(default_factory=dict)  # those of the table, and those told since
    accepted: Mapping[int, str] = field(default_factory=dict)  # by object, as stored; see `reviews.texts`
    told: list[tuple[int, int, MatteRow]] = field(default_factory=list)  # since the last reading began, oldest first
    looked: float = 0.0  # time at which the last look ended, and the seconds that it took
    took: float = 0.0
    version: int = 0  # of `rows` and `accepted`, which goes up with each change
    changed: bool = False  # whether `rows` have changed since they were summed up
    summary: Summary | None = None
    summed: float = 0.0  # time at which they were, and the seconds that it took
    summing: float = 0.0


class QualityReader:
    """Keeps the qualities of the matte folders that are looked at. All methods but `read` return at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # held for short moments
        self._one_reads = threading.Lock()  # held while entries are read or summed up
        self._entries: dict[Path, _Entry] = {}
        self._thread: threading.Thread | None = None
        self._news = False

    def look(self, folder: MatteFolder) -> bool:
        """Have a thread look whether a folder has changed, and read it if so, unless it has just done that.

        Returns whether a thread was started.
        """
        with self._lock:
            entry = self._entries.setdefault(folder.root, _Entry())
            if self._thread is not None or time.monotonic() < self._due(entry):
                return False
            self._start(self._look, folder, entry)
        return True

    def go_on(self) -> None:
        """Have a thread sum up what has changed, unless it has just done that."""
        with self._lock:
            if self._thread is None and any(self._is_to_be_summed(entry) for entry in self._entries.values()):
                self._start(self._sum_up)

    def summary(self, folder: MatteFolder) -> Summary | None:
        """Return what is known of a folder's mattes; None if it has not been read and summed up yet.

        While many rows come in, the result may be somewhat older than they are; `go_on` brings it up to date.
        """
        with self._lock:
            entry = self._entries.get(folder.root)
            return entry.summary if entry is not None else None

    def read(self, folder: MatteFolder) -> Summary:
        """Read a folder now, and return what is known of its mattes. Raises FolderNotWritable."""
        with self._lock:
            entry = self._entries.setdefault(folder.root, _Entry())
        with self._one_reads:
            self._read(folder, entry, always=True)
            if entry.changed or entry.summary is None:
                self._sum_up_entry(entry)
        assert entry.summary is not None
        return entry.summary

    def tell(self, root: Path, number: int, qualities: Iterable[ObjectQuality]) -> None:
        """Take in the qualities of mattes that a job has just written on the frame with a file number."""
        with self._lock:
            entry = self._entries.setdefault(root, _Entry())
            for quality in qualities:
                row = quality.row()
                entry.told.append((quality.object_id, number, row))
                entry.rows.setdefault(quality.object_id, {})[number] = row
                entry.changed = True
                entry.version += 1

    def version(self, root: Path) -> int:
        """Return a number that goes up whenever what is known of the mattes in a folder changes."""
        with self._lock:
            entry = self._entries.get(root)
            return entry.version if entry else 0

    def rows(self, root: Path) -> tuple[int, Rows]:
        """Return the version and the rows of a folder, those that a job has just told included.

        Mattes that are accepted are fully trusted, as in a summary.
        """
        with self._lock:
            entry = self._entries.get(root, _Entry())
            version, rows, marks = entry.version, _copy(entry.rows), reviews.parse(entry.accepted)
        return version, _with_accepted(rows, marks)[0]

    def accept(self, folder: MatteFolder, accepted: Mapping[int, str]) -> None:
        """Take in which mattes of a folder are accepted as they are, by object, as stored."""
        with self._lock:
            entry = self._entries.setdefault(folder.root, _Entry())
            if entry.accepted != accepted:
                entry.accepted, entry.changed = accepted, True
                entry.version += 1

    def take_news(self) -> bool:
        """Return whether a summary has changed since the last call."""
        with self._lock:
            news, self._news = self._news, False
            return news

    @property
    def is_working(self) -> bool:
        """Return whether a folder is being looked at, or is to be summed up again."""
        with self._lock:
            return self._thread is not None or any(entry.changed for entry in self._entries.values())

    def forget(self) -> None:
        """Forget all folders, as another file is loaded."""
        with self._lock:
            self._entries.clear()

    def _due(self, entry: _Entry) -> float:
        return entry.looked + max(_MIN_PAUSE, entry.took / _MAX_SHARE) if entry.stamp is not None else 0.0

    def _is_to_be_summed(self, entry: _Entry) -> bool:
        return entry.changed and time.monotonic() >= entry.summed + entry.summing / _MAX_SHARE

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        """Start the thread; the lock is held."""

        def run() -> None:
            try:
                with self._one_reads:
                    work(*arguments)
            except EngineError as error:
                _log.warning("%s", error.sentence())
            finally:
                with self._lock:
                    self._thread = None

        self._thread = threading.Thread(target=run, name="Keymatte quality", daemon=True)
        self._thread.start()

    def _look(self, folder: MatteFolder, entry: _Entry) -> None:
        """Read a folder if it has changed, and sum up what has changed."""
        is_old = time.monotonic() > entry.looked + _LOOK_AGAIN
        self._read(folder, entry, always=is_old, breathe=Breath())
        self._sum_up()

    def _sum_up(self) -> None:
        """Sum up what has changed, unless that was just done."""
        with self._lock:
            entries = [entry for entry in self._entries.values() if self._is_to_be_summed(entry)]
        for entry in entries:
            self._sum_up_entry(entry, Breath())

    def _sum_up_entry(self, entry: _Entry, breathe: Callable[[], None] = lambda: None) -> None:
        began = time.monotonic()
        with self._lock:
            rows, marks, entry.changed = _copy(entry.rows), reviews.parse(entry.accepted), False
        summary = _summed_up(rows, marks, breathe)
        with self._lock:
            entry.summary, entry.summed, self._news = summary, time.monotonic(), True
            entry.summing = entry.summed - began

    def _read(
        self, folder: MatteFolder, entry: _Entry, *, always: bool, breathe: Callable[[], None] = lambda: None
    ) -> None:
        """Read a folder into its entry, if it has changed or `always`."""
        began = time.monotonic()
        stamp = _stamp(folder)
        if always or entry.stamp != stamp:
            with self._lock:
                before, count = _copy(entry.rows), len(entry.told)
            table = read_table(folder, entry.table, breathe=breathe)
            rows = _copy(table.rows)
            has_changed = entry.stamp is None or rows != before
            with self._lock:
                entry.told = entry.told[count:]
                for object_id, number, row in entry.told:  # while it was being read
                    rows.setdefault(object_id, {})[number] = row
                entry.version += has_changed
                entry.rows, entry.changed = rows, entry.changed or has_changed
                entry.table, entry.stamp = table, stamp
        with self._lock:
            entry.looked = time.monotonic()
            entry.took = entry.looked - began


class Breath:
    """Lets Blender's thread work often: each Python function that it calls while drawing waits for another thread."""

    def __init__(self) -> None:
        self._due = time.monotonic() + _BREATH

    def __call__(self) -> None:
        """Sleep for a moment, if the last time was some while ago."""
        if time.monotonic() > self._due:
            time.sleep(_BREATH / 2)
            self._due = time.monotonic() + _BREATH


def _stamp(folder: MatteFolder) -> _Stamp:
    return index_stamp(folder), *((path, modified_ns(path)) for path in folder.matte_sequences().values())


def _copy(rows: Rows) -> dict[int, dict[int, MatteRow]]:
    return {object_id: dict(of_object) for object_id, of_object in rows.items()}


def _summed_up(rows: Rows, marks: reviews.Marks, breathe: Callable[[], None]) -> Summary:
    rows, accepted = _with_accepted(rows, marks)
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
    return Summary(
        rows,
        tuple(bad_stretches(table.known(), breathe=breathe)),
        computed,
        unknown,
        tuple(sorted(methods)),
        accepted,
    )


def _with_accepted(rows: Rows, marks: reviews.Marks) -> tuple[Rows, dict[int, frozenset[int]]]:
    """Return the rows with full trust in mattes that are accepted and have not changed since, and their numbers."""
    found = _copy(rows)
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
