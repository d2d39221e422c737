"""Thread that tells which mattes of a clip a run of today would make: it hashes keyframes and compares runs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..engine.shared.errors import EngineError
from ..engine.shared.files import modified_ns
from ..engine.shared.folder_claim import MARKER, recorded_cuts
from ..engine.shared.matte_folder import MatteFolder
from ..engine.shared.picture_stamps import is_same_picture
from ..engine.shared.provenance import RunInputs, Runs
from ..engine.shared.quality_table import QualityTable, index_stamp, read_table
from ..engine.shared.run_inputs import run_inputs
from ..engine.shared.staleness import Freshness, States, assess
from ..engine.shared.types import Lock, PropagationJob
from .quality_reader import Breath

_log = logging.getLogger(__name__)

_PAUSE = 0.5  # seconds between the end of a look and the next
_LOOK_AGAIN = 10.0  # seconds until dates of pictures are looked at again
_MAX_SHARE = 0.05  # of the time that may be spent on looking


@dataclass(frozen=True)
class Request:
    """What is to be told of a clip."""

    job: PropagationJob  # that would be started now
    first: int  # file number of the first frame
    pictures: tuple[Path, ...]  # of each frame, or one file of all
    omits_masks: bool = False  # whether the job lacks garbage and hold-out masks: they count as unchanged


@dataclass(frozen=True)
class Told:
    """What is told of a clip: the state of each matte, and what follows from it."""

    states: States
    due: tuple[int, ...]  # media frames on which the matte of any object is to be made and not locked, ascending
    fresh: int  # frames on which all mattes are as a run of today would make them, or locked
    stale: int  # frames on which any is not
    missing: int  # frames on which there is no matte of an object yet


@dataclass
class _Entry:
    request: Request | None = None
    told: Told | None = None  # None: not known
    table: QualityTable = field(default_factory=QualityTable)
    stamp: tuple[object, ...] = ()  # of what was read
    looked: float = 0.0  # time at which the last look ended, and the seconds that it took
    took: float = 0.0


class StateReader:
    """Keeps the states of mattes. All methods but `read` return at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # held for short moments
        self._one_reads = threading.Lock()  # held while an entry is brought up to date
        self._entries: dict[Path, _Entry] = {}
        self._thread: threading.Thread | None = None
        self._news = False

    def look(self, request: Request) -> bool:
        """Have a thread look whether anything has changed; return False if it is too early for that."""
        with self._lock:
            entry = self._entries.setdefault(request.job.folder, _Entry())
            pause = _PAUSE if entry.request == request else 0.0
            if self._thread is not None or time.monotonic() < entry.looked + max(pause, entry.took / _MAX_SHARE):
                return False
            self._thread = threading.Thread(
                target=self._run, args=(request, entry), name="Keymatte states", daemon=True
            )
            self._thread.start()
        return True

    def read(self, request: Request) -> Told | None:
        """Look now, and return what is told of the clip; None if that is nothing."""
        with self._lock:
            entry = self._entries.setdefault(request.job.folder, _Entry())
        self._update(request, entry, always=True)
        return entry.told

    def told(self, folder: Path) -> Told | None:
        """Return what was last told of the clip with this folder; None if nothing was."""
        with self._lock:
            entry = self._entries.get(folder)
            return entry.told if entry is not None else None

    def take_news(self) -> bool:
        """Return whether anything was told anew since the last call."""
        with self._lock:
            news, self._news = self._news, False
            return news

    @property
    def is_working(self) -> bool:
        """Return whether the thread is at work."""
        with self._lock:
            return self._thread is not None

    def forget(self) -> None:
        """Forget everything, as another file is loaded."""
        with self._lock:
            self._entries.clear()

    def _run(self, request: Request, entry: _Entry) -> None:
        try:
            self._update(request, entry)
        finally:
            with self._lock:
                self._thread = None

    def _update(self, request: Request, entry: _Entry, *, always: bool = False) -> None:
        began = time.monotonic()
        with self._one_reads:
            stamp = _stamp(MatteFolder(request.job.folder))
            is_old = always or began > entry.looked + _LOOK_AGAIN
            if is_old or (entry.request, entry.stamp) != (request, stamp):
                told: Told | None = None
                try:
                    entry.table, told = _assessed(request, entry.table)
                except (EngineError, OSError) as error:
                    _log.warning("which mattes are stale is not known: %s", error)
                with self._lock:
                    self._news |= told != entry.told
                    entry.request, entry.stamp, entry.told = request, stamp, told
            with self._lock:
                entry.looked = time.monotonic()
                entry.took = entry.looked - began


def _stamp(folder: MatteFolder) -> tuple[object, ...]:
    dates = [modified_ns(path) for path in (folder.runs, folder.root / MARKER, *folder.matte_sequences().values())]
    return (index_stamp(folder), *dates)


def _assessed(request: Request, earlier: QualityTable) -> tuple[QualityTable, Told]:
    """Return the table of the mattes that are there, and what is told of them. Raises EngineError, OSError."""
    folder, breathe = MatteFolder(request.job.folder), Breath()
    runs = Runs.read(folder)
    table = read_table(folder, earlier, breathe=breathe)
    same: dict[tuple[int, str], bool] = {}  # as several objects ask

    def is_same(number: int, stamp: str) -> bool:
        if (number, stamp) not in same:
            path = request.pictures[min(number - request.first, len(request.pictures) - 1)]
            same[number, stamp] = is_same_picture(stamp, path)
        return same[number, stamp]

    numbers = range(request.first, request.first + request.job.frames.stop)
    today = _inputs(request, folder, runs, numbers)
    states = assess(table.rows, runs, today, numbers, is_same, breathe=breathe)
    return table, summed_up(states, request.job.locks, request.first)


def summed_up(states: States, locks: Collection[Lock], first: int) -> Told:
    """Return what follows from the states of mattes; `first` is the file number of media frame 0.

    Frames that no keyframe reaches are not counted, and a locked matte counts as fresh if it is there.
    """
    known: set[int] = set()
    due: set[int] = set()
    missing: set[int] = set()
    for object_id, of in states.items():
        for number, state in of.items():
            frame = number - first
            known.add(frame)
            if state.freshness is Freshness.MISSING:
                missing.add(frame)
            if state.is_due and not any(lock.covers(object_id, frame) for lock in locks):
                due.add(frame)
    stale = due - missing
    return Told(states, tuple(sorted(due)), len(known - missing - stale), len(stale), len(missing))


def _inputs(request: Request, folder: MatteFolder, runs: Runs, numbers: range) -> RunInputs:
    """Return the inputs of a run of today: cuts are those that the last run found."""
    job = request.job
    cuts = () if job.across_cuts else [cut for cut in recorded_cuts(folder) if cut < len(numbers)]
    inputs = run_inputs(job, numbers, cuts, job.weights)
    if job.weights is None:  # those that come with the recipe
        inputs = replace(inputs, weights=runs.weights_of(job.recipe))
    if request.omits_masks and runs.by_id:
        inputs = replace(inputs, exclusions=[*runs.by_id.values()][-1].exclusions)
    return inputs
