"""Staleness: which mattes in a folder a run of today would make in the same way, and why the others are stale."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from .provenance import Cause, Dependences, RunInputs, Runs, difference
from .quality_table import MatteRow, Rows, Status

IsSamePicture = Callable[[int, str], bool]  # (number, stamp of the picture that a matte was made from)


class Freshness(StrEnum):
    """Whether a matte is as a run of today would make it."""

    FRESH = "fresh"
    STALE = "stale"
    UNKNOWN = "unknown"  # it is not recorded what the matte was made from
    OWN = "own"  # edited by hand, or not Keymatte's
    MISSING = "missing"  # there is no matte yet


@dataclass(frozen=True)
class MatteState:
    """Freshness of one matte, and what makes it stale."""

    freshness: Freshness
    cause: Cause | None = None  # set if it is stale

    @property
    def is_due(self) -> bool:
        """Return whether a run that redoes what has changed makes this matte."""
        return self.freshness in (Freshness.STALE, Freshness.UNKNOWN, Freshness.MISSING)


States = Mapping[int, Mapping[int, MatteState]]  # object -> file number -> state

FRESH, UNKNOWN, OWN, MISSING = (
    MatteState(kind) for kind in (Freshness.FRESH, Freshness.UNKNOWN, Freshness.OWN, Freshness.MISSING)
)


def assess(
    rows: Rows,
    runs: Runs,
    current: RunInputs,
    numbers: Iterable[int],
    is_same_picture: IsSamePicture = lambda number, stamp: True,
    *,
    breathe: Callable[[], None] = lambda: None,
) -> dict[int, dict[int, MatteState]]:
    """Compare the mattes of each object of a run of today on the frames `numbers` with what this run would make.

    `rows` are those of the folder's quality table. Frames are left out on which there is no matte and none is made.
    `breathe` is called often, so that a thread can let others work.
    """
    wanted = list(numbers)
    found: dict[int, dict[int, MatteState]] = {}
    for one in current.objects:
        made = rows.get(one.object_id, {})
        compare = _Comparison(runs, current, one.object_id)
        states = found[one.object_id] = {}
        for number in wanted:
            breathe()
            row = made.get(number)
            if row is not None:
                states[number] = _state(row, number, compare, is_same_picture)
            elif compare.is_made(number):
                states[number] = MISSING
    return found


def due_numbers(states: States) -> list[int]:
    """Return the numbers of the frames on which the matte of any object is to be made, ascending."""
    return sorted({number for of in states.values() for number, state in of.items() if state.is_due})


@dataclass(frozen=True)
class StaleStretch:
    """Run of frames on which an object's mattes are not as a run of today would make them, for the same reason."""

    object_id: int
    state: MatteState
    numbers: tuple[int, ...]


def stale_stretches(states: States) -> Iterator[StaleStretch]:
    """Yield the stretches to be made of each object, by object and number."""
    for object_id, of in states.items():
        run: list[int] = []
        last = FRESH
        for number, state in [*sorted(of.items()), (-1, FRESH)]:
            if run and (state != last or number != run[-1] + 1):
                yield StaleStretch(object_id, last, tuple(run))
                run = []
            if state.is_due:
                run.append(number)
            last = state


class _Comparison:
    """Compares what an object's mattes depended on in earlier runs with what they depend on today."""

    def __init__(self, runs: Runs, current: RunInputs, object_id: int) -> None:
        self._current_id = current.id
        self._today = Dependences(current, object_id)
        self._earlier = {id_: Dependences(run, object_id) for id_, run in runs.by_id.items()}

    def is_made(self, number: int) -> bool:
        """Return whether a run of today makes a matte on a frame, which may be an empty one."""
        return self._today.keyframes(number) != (None, None) or self._today.is_blank(number)

    def cause(self, run_id: str, number: int) -> Cause | None:
        """Return why the matte of a run is stale on a frame; None if it is not. Raises KeyError for an unknown run."""
        earlier = self._earlier[run_id]
        return None if run_id == self._current_id else difference(self._today.at(number), earlier.at(number))


def _state(row: MatteRow, number: int, compare: _Comparison, is_same_picture: IsSamePicture) -> MatteState:
    if row.status is Status.EDITED:
        return OWN
    quality = row.quality
    if quality is None:
        return UNKNOWN
    if quality.unfinished:
        return MatteState(Freshness.STALE, Cause.UNFINISHED)
    try:
        cause = compare.cause(quality.vouched_by, number)
    except KeyError:
        return UNKNOWN
    if cause is None and quality.picture and not is_same_picture(number, quality.picture):
        cause = Cause.PICTURE
    return FRESH if cause is None else MatteState(Freshness.STALE, cause)
