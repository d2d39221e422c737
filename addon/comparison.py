"""Comparison of a clip's mattes with a run of today: which it would make in the same way, and which anew."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..engine.shared.catalogue import bundled_file
from ..engine.shared.errors import EngineError
from ..engine.shared.files import modified_ns
from ..engine.shared.folder_claim import MARKER, recorded_cuts
from ..engine.shared.matte_folder import MatteFolder
from ..engine.shared.picture_stamps import is_same_picture
from ..engine.shared.provenance import Cause, RunInputs, Runs
from ..engine.shared.quality_table import Rows, Status
from ..engine.shared.run_inputs import run_inputs
from ..engine.shared.staleness import OWN, UNKNOWN, Freshness, MatteState, States, assess
from ..engine.shared.types import KeyframeFile, PropagationJob
from .lane import fill_codes

_log = logging.getLogger(__name__)

_LEFT_BEHIND = MatteState(Freshness.STALE, Cause.KEYFRAME)  # of an object without keyframes

Breathe = Callable[[], None]  # is called often, so that a thread lets others work


@dataclass(frozen=True)
class Request:
    """What is to be told of a clip."""

    folder: MatteFolder
    objects: tuple[int, ...]  # rows of the lane
    first: int  # file number of the first frame
    count: int  # frames
    job: PropagationJob | None  # that Propagate would start now; None if it can start none
    pictures: tuple[Path, ...]  # of each frame, or one file of all
    omits_masks: bool = False  # whether the job lacks garbage and hold-out masks: they count as unchanged
    problem: str = ""  # why there is no job; empty if there is nothing to propagate from

    @property
    def numbers(self) -> range:
        """Return the file numbers of all frames."""
        return range(self.first, self.first + self.count)

    @property
    def weights(self) -> Path | None:
        """Return the weights file of the job."""
        return (self.job.weights or bundled_file(self.job.recipe)) if self.job else None


@dataclass(frozen=True, eq=False)  # two are equal only if they are the same
class Assessed:
    """What is told of a clip."""

    request: Request
    states: States
    rows: Rows
    codes: np.ndarray  # (objects, frames) uint8, without marks; see `lane.Code`
    made: frozenset[int] | None  # objects that a run of today makes mattes of; None: it is not known what it would do


@dataclass
class Inputs:
    """What a comparison needs from the disk, read again only where it has changed."""

    today: RunInputs | None = None
    runs: Runs = field(default_factory=Runs)
    stamp: tuple[object, ...] = ()  # of all that the two were read from

    def read(self, request: Request) -> bool:
        """Read what has changed, and return whether anything has."""
        weights, folder = request.weights, request.folder
        files = (folder.runs, folder.root / MARKER, *([weights] if weights else []))
        stamp = request, *map(modified_ns, files)
        if stamp == self.stamp:
            return False
        self.runs = Runs.read(folder)
        self.today, self.stamp = _today(request, self.runs), stamp
        return True


def _today(request: Request, runs: Runs) -> RunInputs | None:
    """Return what a run of today would be given; None if there can be none.

    As no run is begun, cuts are those that the last run found, and so are masks that would have to be rendered.
    """
    job = request.job
    if job is None or not job.keyframes:
        return None
    cuts = () if job.across_cuts else [cut for cut in recorded_cuts(request.folder) if cut < request.count]
    job = replace(job, keyframes=_with_copies(job.keyframes, request))
    try:
        today = run_inputs(job, request.numbers, cuts, request.weights)
    except (OSError, EngineError) as error:
        _log.info("it is not known which mattes are stale: %s", error)
        return None
    if request.omits_masks and runs.by_id:
        today = replace(today, exclusions=[*runs.by_id.values()][-1].exclusions)
    return today


def _with_copies(keyframes: tuple[KeyframeFile, ...], request: Request) -> tuple[KeyframeFile, ...]:
    """Return the keyframes with the copy that jobs read in place of each image that is gone, as a job takes it."""
    numbers: dict[tuple[Path, int], int] = {}  # frame of each keyframe: the first, as ranges list the image twice
    for one in keyframes:
        numbers.setdefault((one.labels, one.objects[0]), request.numbers[one.frame])
    return tuple(
        one
        if one.labels.is_file()
        else replace(one, labels=request.folder.keyframe(one.objects[0], numbers[one.labels, one.objects[0]]))
        for one in keyframes
    )


def assessed(request: Request, rows: Rows, inputs: Inputs, breathe: Breathe) -> Assessed:
    """Tell of all mattes."""
    states = _states(request, rows, inputs, request.numbers, breathe)
    codes = np.zeros((len(request.objects), request.count), np.uint8)
    fill_codes(codes, request.objects, request.first, states, rows, breathe=breathe)
    made = frozenset(one.object_id for one in inputs.today.objects) if inputs.today else None
    return Assessed(request, states, rows, codes, made)


def updated(earlier: Assessed, rows: Rows, inputs: Inputs, breathe: Breathe) -> Assessed:
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
    again = _states(request, rows, inputs, sorted(changed), breathe)
    states = {object_id: dict(of) for object_id, of in earlier.states.items()}
    for object_id in {*states, *again}:
        of_object = states.setdefault(object_id, {})
        for number in changed:
            of_object.pop(number, None)
        of_object.update(again.get(object_id, {}))
    codes = earlier.codes.copy()
    fill_codes(codes, request.objects, request.first, states, rows, which=changed, breathe=breathe)
    return replace(earlier, states=states, rows=rows, codes=codes)


def _states(
    request: Request, rows: Rows, inputs: Inputs, numbers: Iterable[int], breathe: Breathe
) -> dict[int, dict[int, MatteState]]:
    pictures = request.pictures
    same: dict[tuple[int, str], bool] = {}  # as several objects ask

    def is_same(number: int, stamp: str) -> bool:
        if (number, stamp) not in same:
            path = pictures[min(number - request.first, len(pictures) - 1)]
            same[number, stamp] = is_same_picture(stamp, path)
        return same[number, stamp]

    wanted, today = [*numbers], inputs.today
    found = assess(rows, inputs.runs, today, wanted, is_same, breathe=breathe) if today else {}
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
