"""Planning by shots: nothing is carried across a cut, so each shot has groups of objects and sweeps of its own."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ..shared.types import Absence, Direction
from .sweeps import ObjectGroup, Sweep, plan_sweeps, with_absences

Annotation = tuple[int, tuple[int, ...]]  # a frame, and the ids annotated there
GroupObjects = Callable[[Iterable[Annotation]], tuple[ObjectGroup, ...]]


@dataclass(frozen=True)
class Blank:
    """Frames of a shot, and the objects without a keyframe in it, whose mattes are empty there."""

    frames: range
    objects: tuple[int, ...]


@dataclass(frozen=True)
class ShotPlan:
    """What is propagated in all shots of a job; an object with keyframes in several shots is in a group of each."""

    groups: tuple[ObjectGroup, ...]
    sweeps: tuple[Sweep, ...]
    blanks: tuple[Blank, ...] = ()

    @classmethod
    def joined(cls, plans: Iterable[ShotPlan]) -> ShotPlan:
        """Return one plan of all `plans`, in their order; each group is in it once."""
        parts = list(plans)
        return cls(
            tuple(dict.fromkeys(group for part in parts for group in part.groups)),
            tuple(sweep for part in parts for sweep in part.sweeps),
            tuple(blank for part in parts for blank in part.blanks),
        )

    @property
    def objects(self) -> list[int]:
        """Return the ids of all objects, ascending, also of those that are blank."""
        blank = (number for one in self.blanks for number in one.objects)
        return sorted({number for group in self.groups for number in group.objects}.union(blank))


def shots_of(frames: range, cuts: Iterable[int]) -> list[range]:
    """Split frames at the `cuts`, which are the first frames of shots."""
    bounds = [frames.start, *sorted(cut for cut in cuts if frames.start < cut < frames.stop), frames.stop]
    return [range(first, after) for first, after in zip(bounds, bounds[1:])]


def shot_around(frame: int, cuts: Sequence[int]) -> tuple[int, float]:
    """Return the first frame of the shot of a frame, and the first of the next one; `cuts` ascend."""
    index = bisect_right(cuts, frame)
    return (cuts[index - 1] if index else 0), (cuts[index] if index < len(cuts) else float("inf"))


def plan_shots(
    annotations: Sequence[Annotation],
    wanted: range,
    direction: Direction,
    *,
    cuts: Sequence[int],
    group_objects: GroupObjects,
    absences: Sequence[Absence] = (),
    before_first: bool = False,
    is_marked: Callable[[Sequence[Annotation]], bool] = bool,
) -> ShotPlan:
    """Plan the groups and sweeps of each shot that has `wanted` frames, from the keyframes of that shot alone.

    An object without a keyframe in a shot is blank there, if it would be segmented there without cuts. So are all
    objects of a shot whose keyframes `is_marked` finds to show nothing.
    """
    whole = plan_sweeps(group_objects(annotations), wanted, direction, before_first=before_first)
    return ShotPlan.joined(
        _plan_shot(shot, annotations, wanted, direction, whole, group_objects, absences, before_first, is_marked)
        for shot in shots_of(_span(annotations, wanted), cuts)
    )


def _plan_shot(
    shot: range,
    annotations: Sequence[Annotation],
    wanted: range,
    direction: Direction,
    whole: Sequence[Sweep],
    group_objects: GroupObjects,
    absences: Sequence[Absence],
    before_first: bool,
    is_marked: Callable[[Sequence[Annotation]], bool],
) -> ShotPlan:
    inside = range(max(shot.start, wanted.start), min(shot.stop, wanted.stop))
    if not inside:
        return ShotPlan((), ())
    own = [(frame, objects) for frame, objects in annotations if frame in shot]
    own = own if is_marked(own) else []
    groups = with_absences(group_objects(own), _within(absences, shot))
    sweeps = plan_sweeps(groups, inside, direction, before_first=before_first) if groups else ()
    marked = {number for group in groups for number in group.objects}
    reached = {
        number
        for sweep in whole
        for group in sweep.groups
        for number, keyframes in group.keyframes_by_object()
        if any(sweep.reaches(keyframes, frame) for frame in inside if frame in sweep.frames)
    }
    unmarked = tuple(sorted(reached - marked))
    return ShotPlan(groups, sweeps, (Blank(inside, unmarked),) if unmarked else ())


def _span(annotations: Sequence[Annotation], wanted: range) -> range:
    frames = [frame for frame, _ in annotations]
    return range(min(wanted.start, *frames), max(wanted.stop, *(frame + 1 for frame in frames)))


def _within(absences: Iterable[Absence], shot: range) -> list[Absence]:
    """Return the absences cut to the frames of a shot."""
    cut = [
        replace(one, frames=range(max(one.frames.start, shot.start), min(one.frames.stop, shot.stop)))
        for one in absences
    ]
    return [one for one in cut if one.frames]
