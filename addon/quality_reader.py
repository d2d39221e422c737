"""Thread that reads the qualities in matte folders, and takes in what a running job tells of its mattes."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..engine.shared.errors import EngineError
from ..engine.shared.files import modified_ns
from ..engine.shared.matte_folder import MatteFolder
from ..engine.shared.protocol import ObjectQuality
from ..engine.shared.quality_table import MatteRow, QualityTable, Rows, Status, Unknown, index_stamp, read_table
from ..engine.shared.stretches import Stretch, bad_stretches

_log = logging.getLogger(__name__)

_LOOK_AGAIN = 10.0  # seconds until mattes are looked at again that were perhaps edited in place
_MIN_PAUSE = 0.5  # seconds between the end of a look and the next
_BREATH = 0.002  # seconds of reading until others may work
_MAX_SHARE = 0.05  # of the time that may be spent on reading and summing up

_Stamp = tuple[object, ...]  # of a folder: changes with its index, and whenever a matte is added, replaced or deleted


@dataclass(frozen=True)
class Summary:
    """What is known of the mattes in a folder."""

    rows: dict[int, dict[int, MatteRow]]  # object -> file number -> row
    stretches: tuple[Stretch, ...] = ()
    computed: int = 0  # mattes that were computed and whose quality is known
    unknown: Counter[Unknown] = field(default_factory=Counter)  # mattes whose quality is not known, by the reason
    uncalibrated: tuple[str, ...] = ()  # recipes without calibration that made some of them


@dataclass
class _Entry:
    """A folder: the table last read, and the rows that have come since."""

    table: QualityTable = field(default_factory=QualityTable)
    stamp: _Stamp | None = None  # None: not read yet
    rows: dict[int, dict[int, MatteRow]] = field(default_factory=dict)  # those of the table, and those told since
    told: list[tuple[int, int, MatteRow]] = field(default_factory=list)  # since the last reading began, oldest first
    looked: float = 0.0  # time at which the last look ended, and the seconds that it took
    took: float = 0.0
    version: int = 0  # of `rows`, which goes up with each change
    changed: bool = True  # whether `rows` have changed since they were summed up
    summary: Summary | None = None
    summed: float = 0.0  # time at which they were, and the seconds that it took
    summing: float = 0.0


class QualityReader:
    """Keeps the qualities of the matte folders that are looked at. All methods but `read` return at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
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
            self._thread = threading.Thread(target=self._work, args=(folder,), name="Keymatte quality", daemon=True)
            self._thread.start()
        return True

    def summary(self, folder: MatteFolder) -> Summary | None:
        """Return what is known of a folder's mattes; None if it has not been read yet.

        While many rows come in, the result may be somewhat older than they are.
        """
        with self._lock:
            entry = self._entries.get(folder.root)
            if entry is None or (entry.stamp is None and not entry.rows):
                return None
            if entry.summary is None or (
                entry.changed and time.monotonic() >= entry.summed + entry.summing / _MAX_SHARE
            ):
                began = time.monotonic()
                entry.summary, entry.changed = _summed_up(entry), False
                entry.summed = time.monotonic()
                entry.summing = entry.summed - began
            return entry.summary

    def read(self, folder: MatteFolder) -> Summary:
        """Read a folder now, if it has changed, and return what is known of its mattes. Raises FolderNotWritable."""
        with self._lock:
            entry = self._entries.setdefault(folder.root, _Entry())
        self._read(folder, entry, always=True)
        with self._lock:
            entry.summed = entry.summing = 0.0
        found = self.summary(folder)
        assert found is not None  # it was just read
        return found

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
        """Return the version and a copy of the rows of a folder, those that a job has just told included."""
        with self._lock:
            entry = self._entries.get(root, _Entry())
            return entry.version, {object_id: dict(of_object) for object_id, of_object in entry.rows.items()}

    def take_news(self) -> bool:
        """Return whether rows have changed by reading since the last call."""
        with self._lock:
            news, self._news = self._news, False
            return news

    @property
    def is_working(self) -> bool:
        """Return whether a folder is being looked at, or is to be summed up again."""
        with self._lock:
            return self._thread is not None or any(entry.changed and entry.summary for entry in self._entries.values())

    def forget(self) -> None:
        """Forget all folders, as another file is loaded."""
        with self._lock:
            self._entries.clear()

    def _due(self, entry: _Entry) -> float:
        return entry.looked + max(_MIN_PAUSE, entry.took / _MAX_SHARE) if entry.stamp is not None else 0.0

    def _work(self, folder: MatteFolder) -> None:
        try:
            with self._lock:
                entry = self._entries.get(folder.root)
            if entry is not None:
                is_old = time.monotonic() > entry.looked + _LOOK_AGAIN
                self._read(folder, entry, always=is_old, breathe=Breath())
        except EngineError as error:
            _log.warning("%s", error.sentence())
        finally:
            with self._lock:
                self._thread = None

    def _read(
        self, folder: MatteFolder, entry: _Entry, *, always: bool, breathe: Callable[[], None] = lambda: None
    ) -> None:
        """Read a folder into its entry, if it has changed or `always`."""
        began = time.monotonic()
        stamp = _stamp(folder)
        with self._lock:
            known, count = entry.table, len(entry.told)
            unchanged = entry.stamp == stamp
        table = known if unchanged and not always else read_table(folder, known, breathe=breathe)
        with self._lock:
            if table is not known:
                rows = {object_id: dict(of_object) for object_id, of_object in table.rows.items()}
                entry.told = entry.told[count:]
                for object_id, number, row in entry.told:  # while it was being read
                    rows.setdefault(object_id, {})[number] = row
                if rows != entry.rows or entry.stamp is None:
                    self._news = entry.changed = True
                    entry.version += 1
                entry.rows = rows
            entry.table, entry.stamp, entry.looked = table, stamp, time.monotonic()
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


def _summed_up(entry: _Entry) -> Summary:
    rows = {object_id: dict(sorted(of_object.items())) for object_id, of_object in sorted(entry.rows.items())}
    table = QualityTable(rows)
    unknown: Counter[Unknown] = Counter()
    methods: set[str] = set()
    computed = 0
    for _, _, row in table.every():
        computed += row.status is Status.COMPUTED
        if row.unknown is not None:
            unknown[row.unknown] += 1
            if row.unknown is Unknown.UNCALIBRATED and row.quality:
                methods.add(row.quality.method)
    return Summary(rows, tuple(bad_stretches(table.known())), computed, unknown, tuple(sorted(methods)))
