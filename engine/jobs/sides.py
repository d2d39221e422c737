"""Sides of changed keyframes: where a job may walk away from them and stop as soon as nothing changes any more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..inference.shots import ShotPlan
from ..shared.provenance import Cause, Dependences, RunInputs, Runs
from ..shared.quality_table import Rows
from ..shared.staleness import Freshness, IsSamePicture, MatteState, States


@dataclass(frozen=True)
class Section:
    """Frames of a stretch that are planned on their own."""

    frames: range  # media frames
    away: bool | None = None  # walked forward (True) or backward from a changed keyframe; None: as without it


@dataclass(frozen=True)
class Known:
    """What is known of the mattes in a folder, and of a run of today."""

    numbers: Sequence[int]  # file number of each media frame
    rows: Rows
    states: States
    runs: Runs
    inputs: RunInputs
    is_same_picture: IsSamePicture


def sections_of(stretch: range, known: Known) -> list[Section]:
    """Split a stretch where a side of a changed keyframe can be walked on its own; else it is one section.

    A side reaches from the keyframe to the next one, to a cut or to the end of the clip. It counts if nothing but this
    keyframe has changed for its mattes, and if they all are there.
    """
    numbers = {known.numbers[frame]: frame for frame in stretch}
    marked = {mark.number for one in known.inputs.objects for mark in one.keyframes}
    starts = {numbers[number] + 1 for number in marked if number in numbers}
    starts |= {numbers[number] for number in known.inputs.cuts if number in numbers}
    bounds = [stretch.start, *sorted(start for start in starts if stretch.start < start < stretch.stop), stretch.stop]
    sections: list[Section] = []
    for start, stop in zip(bounds, bounds[1:]):
        section = _section(range(start, stop), known)
        if sections and section.away is None and sections[-1].away is None:
            section = Section(range(sections.pop().frames.start, stop))
        sections.append(section)
    return sections


def walked(plan: ShotPlan, number: int, section: Section) -> ShotPlan:
    """Return the plan of the side with this number, with the sweep first that goes away from the keyframe."""
    if section.away is None or not any(sweep.forward == section.away for sweep in plan.sweeps):
        return plan
    sweeps = [replace(sweep, side=number, walks_away=sweep.forward == section.away) for sweep in plan.sweeps]
    return replace(plan, sweeps=tuple(sorted(sweeps, key=lambda sweep: not sweep.walks_away)))


def _section(frames: range, known: Known) -> Section:
    for forward in (True, False):
        near = frames.start - 1 if forward else frames.stop - 1
        beside = frames if forward else frames[:-1]
        if near >= 0 and beside and _Side(near, forward, known).is_changed_alone(beside):
            return Section(frames, forward)
    return Section(frames)


class _Side:
    """Frames beside a keyframe, in one direction from it."""

    def __init__(self, near: int, forward: bool, known: Known) -> None:
        """Set up; `near` is the media frame of the keyframe."""
        self._near = known.numbers[near]
        self._forward = forward
        self._known = known
        self._dependences: dict[tuple[int, str], Dependences] = {}

    def is_changed_alone(self, frames: Iterable[int]) -> bool:
        """Return whether every matte on these frames is stale, and because of the keyframe alone.

        A side with mattes that are up to date does not count: if the walk on it ended early, these would be made again
        from the side of this keyframe only.
        """
        is_any = False
        for frame in frames:
            for one in self._known.inputs.objects:
                state = self._known.states[one.object_id].get(self._known.numbers[frame])
                if state is None:  # no keyframe reaches the frame, and there is no matte
                    continue
                if not self._is_stale(state, one.object_id, frame):
                    return False
                is_any = True
        return is_any

    def _is_stale(self, state: MatteState, object_id: int, frame: int) -> bool:
        """Return whether a matte is stale since the near keyframe has changed, and for no other reason."""
        number = self._known.numbers[frame]
        row = self._known.rows.get(object_id, {}).get(number)
        if state != MatteState(Freshness.STALE, Cause.KEYFRAME) or row is None or row.quality is None:
            return False
        if row.quality.picture and not self._known.is_same_picture(number, row.quality.picture):
            return False
        today, earlier = (self._of(object_id, run) for run in ("", row.quality.vouched_by))
        near, far = (0, 1) if self._forward else (1, 0)
        new, old = today.keyframes(number), earlier.keyframes(number)
        others = {**today.at(number), Cause.KEYFRAME: ()} == {**earlier.at(number), Cause.KEYFRAME: ()}
        mark = new[near]
        return others and new[far] == old[far] and mark is not None and mark.number == self._near

    def _of(self, object_id: int, run: str) -> Dependences:
        """Return what mattes of an object depend on in a run; an empty id is that of today's."""
        key = object_id, run
        if key not in self._dependences:
            inputs = self._known.runs.by_id[run] if run else self._known.inputs
            self._dependences[key] = Dependences(inputs, object_id)
        return self._dependences[key]
