"""Thread that tells which mattes of a clip are stale, for the lane: it hashes keyframes and compares runs."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..engine.shared.errors import EngineError
from ..engine.shared.files import modified_ns
from ..engine.shared.folder_claim import MARKER, recorded_cuts, recorded_job
from ..engine.shared.matte_folder import MatteFolder
from ..engine.shared.picture_stamps import is_same_picture
from ..engine.shared.provenance import Cause, RunInputs, Runs
from ..engine.shared.quality_table import Rows, Status
from ..engine.shared.run_inputs import run_inputs
from ..engine.shared.staleness import OWN, UNKNOWN, Freshness, MatteState, States, assess
from ..engine.shared.types import PropagationJob
from . import recipes
from .lane import fill_codes
from .quality_reader import Breath, QualityReader

_log = logging.getLogger(__name__)

_PAUSE = 0.2  # seconds between the end of a look and the next
_REST = 2.0  # the same, as long as neither the request nor the rows have changed
_SHARE = 0.2  # of the time that may be spent on looking while a job runs
_LOOK_AGAIN = 10.0  # seconds until dates of pictures are looked at again
_CHOSEN = frozenset(name for name, *_ in recipes.MENU)
_NUMBERED = re.compile(r"(.*?)([0-9]+)([^0-9]*)", re.DOTALL)
_LEFT_BEHIND = MatteState(Freshness.STALE, Cause.KEYFRAME)  # of an object without keyframes


@dataclass(frozen=True)
class Request:
    """What is to be told of a clip."""

    folder: MatteFolder
    objects: tuple[int, ...]  # rows of the lane
    first: int  # file number of the first frame
    count: int  # frames
    job: PropagationJob | None  # that would be started now; None if none can be
    is_movie: bool = False
    omits_masks: bool = False  # whether the job lacks garbage and hold-out masks: they count as unchanged
    problem: str = ""  # why there is no job; empty if there is nothing to propagate from

    def pictures(self) -> list[Path]:
        """Return the files of the pictures: one, or one for each frame."""
        path = self.job.clip.path if self.job else None
        match = _NUMBERED.fullmatch(path.stem) if path else None
        if path is None or match is None or self.is_movie:
            return [path] if path else []
        head, digits, tail = match.groups()
        names = (f"{head}{int(digits) + at:0{len(digits)}d}{tail}{path.suffix}" for at in range(self.count))
        return [path.with_name(name) for name in names]


@dataclass(frozen=True, eq=False)  # two are equal only if they are the same
class Assessed:
    """What is told of a clip."""

    request: Request
    states: States
    rows: Rows
    codes: np.ndarray  # (objects, frames) uint8, without marks; see `lane.Code`


@dataclass
class _Entry:
    """A clip's folder: what was last told, and of what."""

    found: Assessed | None = None
    today: RunInputs | None = None
    runs: Runs = field(default_factory=Runs)
    stamp: tuple[object, ...] = ()  # of all that `today` and `runs` were read from
    version: int = -1  # of the rows
    dates: tuple[int, ...] = ()  # of the pictures
    dated: float = 0.0  # time at which they were looked at
    looked: float = 0.0  # time at which the last look ended, and the seconds that it took
    took: float = 0.0


class LaneReader:
    """Keeps what is told of clips. All methods but `read` return at once."""

    def __init__(self, quality: QualityReader) -> None:
        self._quality = quality
        self._lock = threading.Lock()
        self._entries: dict[Path, _Entry] = {}
        self._thread: threading.Thread | None = None
        self._news = False

    def look(self, request: Request) -> bool:
        """Have a thread look whether anything has changed, unless it has just done that.

        Returns whether a thread was started.
        """
        with self._lock:
            entry = self._entries.setdefault(request.folder.root, _Entry())
            if entry.found is None or entry.found.request != request:
                pause = _PAUSE
            else:
                has_news = entry.version != self._quality.version(request.folder.root)
                pause = max(_PAUSE if has_news else _REST, entry.took / _SHARE)
            due = entry.looked + pause
            if self._thread is not None or time.monotonic() < due:
                return False
            arguments = request, entry
            self._thread = threading.Thread(target=self._work, args=arguments, name="Keymatte lane", daemon=True)
            self._thread.start()
        return True

    def found(self, root: Path) -> Assessed | None:
        """Return what was last told of the clip with this folder; None if nothing was."""
        with self._lock:
            entry = self._entries.get(root)
            return entry.found if entry else None

    def is_due(self, request: Request) -> bool:
        """Return whether another look at the clip would tell more than the last one, as far as is known."""
        with self._lock:
            entry = self._entries.get(request.folder.root)
            if entry is None or entry.found is None or entry.found.request != request:
                return True
            return entry.version != self._quality.version(request.folder.root)

    def read(self, request: Request) -> Assessed:
        """Look now, and return what is told."""
        with self._lock:
            entry = self._entries.setdefault(request.folder.root, _Entry())
        return self._look(request, entry, lambda: None)

    def take_news(self) -> bool:
        """Return whether anything was told anew since the last call."""
        with self._lock:
            news, self._news = self._news, False
            return news

    @property
    def is_working(self) -> bool:
        """Return whether a thread is looking."""
        with self._lock:
            return self._thread is not None

    def forget(self) -> None:
        """Forget all clips, as another file is loaded."""
        with self._lock:
            self._entries.clear()

    def _work(self, request: Request, entry: _Entry) -> None:
        try:
            self._look(request, entry, Breath())
        except (OSError, EngineError) as error:
            _log.warning("the lane is not up to date: %s", error)
        finally:
            with self._lock:
                self._thread = None

    def _look(self, request: Request, entry: _Entry, breathe: Callable[[], None]) -> Assessed:
        began = time.monotonic()
        earlier = entry.found
        version, rows = self._quality.rows(request.folder.root)
        stamp = _stamp(request)
        dates, dated = entry.dates, entry.dated
        if earlier is None or earlier.request != request or began > dated + _LOOK_AGAIN:
            dates, dated = tuple(map(modified_ns, request.pictures())), began
        if stamp != entry.stamp:
            entry.runs = Runs.read(request.folder)
            entry.today = _today(request, entry.runs)
        is_known = earlier is not None and earlier.request == request and stamp == entry.stamp and dates == entry.dates
        if earlier is None or not is_known:
            found = _assessed(request, rows, entry, breathe)
        elif version != entry.version:
            found = _updated(earlier, rows, entry, breathe)
        else:
            found = earlier
        with self._lock:
            self._news |= found is not earlier
            entry.found, entry.stamp, entry.version = found, stamp, version
            entry.dates, entry.dated, entry.looked = dates, dated, time.monotonic()
            entry.took = entry.looked - began
        return found


def _stamp(request: Request) -> tuple[object, ...]:
    weights = request.job.weights if request.job else None
    files = (request.folder.runs, request.folder.root / MARKER, *([weights] if weights else []))
    return request, *map(modified_ns, files)


def _today(request: Request, runs: Runs) -> RunInputs | None:
    """Return what a run of today would be given; None if there can be none.

    As no run is begun, some of it is that of the last run: the direction, a recipe that is not in the menu, weights
    that come with Keymatte, and masks that would have to be rendered.
    """
    job, folder = request.job, request.folder
    if job is None or not job.keyframes:
        return None
    last = recorded_job(folder)
    if last is not None:
        job = replace(job, direction=last.direction)
        if last.recipe not in _CHOSEN:
            job = replace(job, recipe=last.recipe, weights=last.weights)
    numbers = range(request.first, request.first + request.count)
    copies = [
        replace(one, labels=folder.keyframe(one.objects[0], numbers[one.frame])) if not one.labels.is_file() else one
        for one in job.keyframes
    ]
    cuts = () if job.across_cuts else [cut for cut in recorded_cuts(folder) if cut < request.count]
    try:
        today = run_inputs(replace(job, keyframes=tuple(copies)), numbers, cuts, job.weights)
    except (OSError, EngineError) as error:
        _log.info("it is not known which mattes are stale: %s", error)
        return None
    if job.weights is None:
        today = replace(today, weights=runs.weights_of(job.recipe))
    if request.omits_masks and runs.by_id:
        today = replace(today, exclusions=[*runs.by_id.values()][-1].exclusions)
    return today


def _assessed(request: Request, rows: Rows, entry: _Entry, breathe: Callable[[], None]) -> Assessed:
    """Tell of all mattes."""
    states = _states(request, rows, entry, range(request.first, request.first + request.count), breathe)
    codes = np.zeros((len(request.objects), request.count), np.uint8)
    fill_codes(codes, request.objects, request.first, states, rows, breathe=breathe)
    return Assessed(request, states, rows, codes)


def _updated(earlier: Assessed, rows: Rows, entry: _Entry, breathe: Callable[[], None]) -> Assessed:
    """Tell of the mattes whose rows have changed, while all others stay as they were."""
    request = earlier.request
    changed: set[int] = set()
    for object_id in rows.keys() | earlier.rows.keys():
        old, new = earlier.rows.get(object_id, {}), rows.get(object_id, {})
        for number in old.keys() | new.keys():
            breathe()
            before, now = old.get(number), new.get(number)
            if before is not now and before != now:
                changed.add(number)
    again = _states(request, rows, entry, sorted(changed), breathe)
    states = {object_id: dict(of) for object_id, of in earlier.states.items()}
    for object_id in {*states, *again}:
        of_object = states.setdefault(object_id, {})
        for number in changed:
            of_object.pop(number, None)
        of_object.update(again.get(object_id, {}))
    codes = earlier.codes.copy()
    fill_codes(codes, request.objects, request.first, states, rows, which=changed, breathe=breathe)
    return Assessed(request, states, rows, codes)


def _states(
    request: Request, rows: Rows, entry: _Entry, numbers: Iterable[int], breathe: Callable[[], None]
) -> dict[int, dict[int, MatteState]]:
    pictures = request.pictures()
    same: dict[tuple[int, str], bool] = {}  # as several objects ask

    def is_same(number: int, stamp: str) -> bool:
        if (number, stamp) not in same:
            path = pictures[min(number - request.first, len(pictures) - 1)]
            same[number, stamp] = is_same_picture(stamp, path)
        return same[number, stamp]

    wanted = [*numbers]
    today = entry.today
    found = assess(rows, entry.runs, today, wanted, is_same, breathe=breathe) if today else {}
    has_keyframes = request.job is not None and bool(request.job.keyframes)
    is_told = today is not None or not (has_keyframes or request.problem)
    left = _LEFT_BEHIND if is_told else UNKNOWN
    for object_id in request.objects:
        if object_id not in found:
            made = rows.get(object_id, {})
            found[object_id] = {
                number: OWN if made[number].status is Status.EDITED else left for number in wanted if number in made
            }
    return found
