"""The thread that reads what is known of clips' mattes: their qualities, and which a run of today would make anew."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..engine.shared.errors import EngineError
from ..engine.shared.files import modified_ns
from ..engine.shared.folder_lock import is_taken
from ..engine.shared.matte_folder import MatteFolder
from ..engine.shared.protocol import ObjectQuality
from ..engine.shared.quality_table import Rows
from .comparison import Assessed, Breathe, Inputs, Request, assessed, updated
from .quality_rows import QualityRows, Summary

_log = logging.getLogger(__name__)

_LOOK_AGAIN = 10.0  # seconds until dates are looked at again: of mattes edited in place, and of pictures
_READ_PAUSE = 0.5  # seconds between the end of a reading and the next
_COMPARE_PAUSE = 0.2  # seconds between the end of a comparison and the next
_REST = 2.0  # the same, as long as neither the request nor the rows have changed
_SHARE = 0.05  # of the time that may be spent on reading, and on summing up
_COMPARE_SHARE = 0.2  # of the time that may be spent on comparing
_BREATH = 0.002  # seconds of work until others may work


@dataclass
class _Turns:
    """Turns of one kind of work: when the last ended, and the seconds that it took."""

    ended: float = float("-inf")
    took: float = 0.0

    def is_due(self, pause: float, share: float) -> bool:
        """Return whether the next may begin after a pause, and within a share of the time."""
        return time.monotonic() >= self.ended + max(pause, self.took / share)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Measure a turn."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.ended = time.monotonic()
            self.took = self.ended - began


@dataclass
class _Entry:
    """What is known of a folder."""

    rows: QualityRows = field(default_factory=QualityRows)
    inputs: Inputs = field(default_factory=Inputs)
    found: Assessed | None = None  # by the last comparison
    version: int = -1  # of the rows that were compared
    dates: tuple[int, ...] = ()  # of the pictures
    dated: float = float("-inf")  # time at which they were looked at
    reading: _Turns = field(default_factory=_Turns)
    summing: _Turns = field(default_factory=_Turns)
    comparing: _Turns = field(default_factory=_Turns)
    has_failed: bool = False  # whether the last turn has
    is_taken: bool = False  # whether a process wrote to the folder when it was read last

    def is_new(self, request: Request) -> bool:
        """Return whether a comparison would tell more than the last one, as far as is known."""
        return self.found is None or self.found.request != request or self.version != self.rows.version

    def is_to_be_read(self) -> bool:
        return self.reading.is_due(_READ_PAUSE, _SHARE)

    def is_to_be_summed(self) -> bool:
        return self.rows.has_changed and self.summing.is_due(0.0, _SHARE)

    def is_to_be_compared(self, request: Request | None) -> bool:
        if request is None:
            return False
        return self.comparing.is_due(_COMPARE_PAUSE if self.is_new(request) else _REST, _COMPARE_SHARE)


class StateReader:
    """Keeps what is known of clips' mattes. All methods but `read` and `compare` return at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # held for short moments
        self._one_works = threading.Lock()  # held while entries are brought up to date
        self._entries: dict[Path, _Entry] = {}
        self._thread: threading.Thread | None = None
        self._news = False

    # -- by the thread -------------------------------------------------------------------------------------------------
    def look(self, folder: MatteFolder, request: Request | None = None) -> bool:
        """Have the thread look whether a folder, or what is asked of its clip, has changed, unless it has just done so.

        Returns whether it was started.
        """
        entry = self._entry(folder.root)
        is_due = entry.is_to_be_read() or entry.is_to_be_summed() or entry.is_to_be_compared(request)
        return is_due and self._start(lambda: self._look(folder, entry, request))

    def go_on(self) -> None:
        """Have the thread sum up what has changed, unless it has just done that."""
        if any(entry.is_to_be_summed() for entry in self._all()):
            self._start(self._sum_up)

    @property
    def is_working(self) -> bool:
        """Return whether the thread is at work, or something is to be summed up again."""
        return self._thread is not None or any(entry.rows.has_changed for entry in self._all())

    def is_due(self, request: Request) -> bool:
        """Return whether another look at the clip would tell more than the last one, as far as is known."""
        entry = self._entry(request.folder.root)
        return entry.is_new(request) and not entry.has_failed

    def is_taken(self, folder: MatteFolder) -> bool:
        """Return whether a process, perhaps another Blender, wrote to a folder when it was looked at last."""
        return self._entry(folder.root).is_taken

    def take_news(self) -> bool:
        """Return whether anything was told anew since the last call."""
        with self._lock:
            news, self._news = self._news, False
            return news

    # -- what is known -------------------------------------------------------------------------------------------------
    def summary(self, folder: MatteFolder) -> Summary | None:
        """Return what is known of a folder's mattes; None if it has not been read and summed up yet.

        While many rows come in, the result may be somewhat older than they are; `go_on` brings it up to date.
        """
        return self._entry(folder.root).rows.summary

    def rows(self, root: Path) -> Rows:
        """Return the rows of a folder, those that a job has just told included."""
        return self._entry(root).rows.now()[1]

    def found(self, root: Path) -> Assessed | None:
        """Return what was last told of the clip with this folder; None if nothing was."""
        return self._entry(root).found

    def read(self, folder: MatteFolder) -> Summary:
        """Read a folder now, and return what is known of its mattes. Raises FolderNotWritable."""
        entry = self._entry(folder.root)
        with self._one_works:
            self._read(folder, entry, _hold_breath, always=True)
            if entry.rows.has_changed or entry.rows.summary is None:
                self._sum_up_entry(entry, _hold_breath)
        assert entry.rows.summary is not None
        return entry.rows.summary

    def compare(self, request: Request) -> Assessed:
        """Compare the rows with a run of today now, and return what is told."""
        with self._one_works:
            return self._compare(request, self._entry(request.folder.root), _hold_breath)

    def tell(self, root: Path, number: int, qualities: Iterable[ObjectQuality]) -> None:
        """Take in the qualities of mattes that a job has just written on the frame with a file number."""
        self._entry(root).rows.tell(number, qualities)

    def accept(self, folder: MatteFolder, accepted: Mapping[int, str]) -> None:
        """Take in which mattes of a folder are accepted as they are, by object, as stored."""
        self._entry(folder.root).rows.accept(accepted)

    def forget(self) -> None:
        """Forget all folders, as another file is loaded."""
        with self._lock:
            self._entries.clear()

    # -- work ----------------------------------------------------------------------------------------------------------
    def _entry(self, root: Path) -> _Entry:
        with self._lock:
            return self._entries.setdefault(root, _Entry())

    def _all(self) -> list[_Entry]:
        with self._lock:
            return [*self._entries.values()]

    def _start(self, work: Callable[[], None]) -> bool:
        """Start the thread unless it is at work, and return whether it was started."""

        def run() -> None:
            try:
                with self._one_works:
                    work()
            finally:
                with self._lock:
                    self._thread = None

        with self._lock:
            if self._thread is not None:
                return False
            self._thread = threading.Thread(target=run, name="Keymatte states", daemon=True)
            self._thread.start()
        return True

    def _look(self, folder: MatteFolder, entry: _Entry, request: Request | None) -> None:
        breathe = Breath()
        try:
            if entry.is_to_be_read():
                self._read(folder, entry, breathe)
            self._sum_up()
            if request is not None and entry.is_to_be_compared(request):
                self._compare(request, entry, breathe)
            entry.has_failed = False
        except (OSError, EngineError) as error:
            entry.has_failed, entry.inputs = True, Inputs()  # so that all mattes are compared again
            _log.warning("what is known of the mattes is not up to date: %s", error)

    def _read(self, folder: MatteFolder, entry: _Entry, breathe: Breathe, *, always: bool = False) -> None:
        """Read a folder, if it has changed or `always`."""
        entry.is_taken = is_taken(folder.root)  # asked first: what is written afterwards is read by the next look
        is_old = time.monotonic() > entry.reading.ended + _LOOK_AGAIN
        with entry.reading.timed():
            entry.rows.read(folder, always=always or is_old, breathe=breathe)

    def _sum_up(self) -> None:
        """Sum up what has changed, unless that was just done."""
        for entry in self._all():
            if entry.is_to_be_summed():
                self._sum_up_entry(entry, Breath())

    def _sum_up_entry(self, entry: _Entry, breathe: Breathe) -> None:
        with entry.summing.timed():
            entry.rows.sum_up(breathe)
        self._tell_news()

    def _compare(self, request: Request, entry: _Entry, breathe: Breathe) -> Assessed:
        with entry.comparing.timed():
            earlier = entry.found if entry.found is not None and entry.found.request == request else None
            version, rows, _ = entry.rows.now()
            dates, now = entry.dates, time.monotonic()
            if earlier is None or now > entry.dated + _LOOK_AGAIN:
                entry.dates, entry.dated = tuple(map(modified_ns, request.pictures)), now
            has_changed = entry.inputs.read(request) or dates != entry.dates
            if earlier is None or has_changed:
                found = assessed(request, rows, entry.inputs, breathe)
            elif version != entry.version:
                found = updated(earlier, rows, entry.inputs, breathe)
            else:
                found = earlier
            entry.version = version
            if found is not entry.found:
                entry.found = found
                self._tell_news()
        return found

    def _tell_news(self) -> None:
        with self._lock:
            self._news = True


class Breath:
    """Lets Blender's thread work often: each Python function that it calls while drawing waits for another thread."""

    def __init__(self) -> None:
        self._due = time.monotonic() + _BREATH

    def __call__(self) -> None:
        """Sleep for a moment, if the last time was some while ago."""
        if time.monotonic() > self._due:
            time.sleep(_BREATH / 2)
            self._due = time.monotonic() + _BREATH


def _hold_breath() -> None:
    """Let nobody else work, as the caller waits."""


reader = StateReader()
