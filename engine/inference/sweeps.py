"""Planning of sweeps: which frames are visited in which order, and which objects share a memory."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..shared.types import Absence, Direction
from .frame_use import EVERY_FRAME, FrameUse


@dataclass(frozen=True)
class KeyframePolicy:
    """How a method uses the user's keyframes."""

    permanent: bool = True  # all are in memory before the first frame; else each is memorized when the sweep reaches it
    shared_memory: bool = False  # objects annotated on different keyframes share one memory
    read_on_keyframes: bool = False  # memory is read on keyframes too, which counts as its usage
    before_first: bool = False  # one sweep also segments objects on frames before their first keyframe
    restarts: bool = (
        False  # a keyframe wipes what the sweep has remembered, so that frames depend on no sweep before it
    )
    soften: bool = True  # mattes of keyframes get edges as soft as the network's prediction; else they stay hard
    first_value_frame: int = -1  # on this keyframe all objects are memorized with the value of the first; -1: none


ALL_PERMANENT = KeyframePolicy()


@dataclass(frozen=True)
class ObjectGroup:
    """Objects that are tracked together, with one memory."""

    objects: tuple[int, ...]  # ids, ascending
    keyframes_of: tuple[tuple[int, ...], ...]  # per object: the media frames on which it is annotated, ascending
    absences: tuple[Absence, ...] = ()  # of these objects

    @property
    def keyframes(self) -> tuple[int, ...]:
        """Return the frames on which any of the objects is annotated, ascending."""
        return tuple(sorted({frame for frames in self.keyframes_of for frame in frames}))

    def annotated(self, frame: int) -> tuple[int, ...]:
        """Return the objects annotated on `frame`."""
        return tuple(number for number, frames in zip(self.objects, self.keyframes_of, strict=True) if frame in frames)

    def absent(self, frame: int) -> set[int]:
        """Return the objects that are not visible on `frame` because of an absence; an annotated object may be."""
        return {absence.object_id for absence in self.absences if frame in absence.frames} - {*self.annotated(frame)}

    def keyframes_by_object(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Iterate over pairs of an object and its keyframes."""
        return zip(self.objects, self.keyframes_of, strict=True)


@dataclass(frozen=True)
class Sweep:
    """One pass over the frames, forward or backward."""

    frames: range  # step 1 or -1
    wanted: range  # frames whose mattes are output; the others only propagate masks to them
    before_first: bool = False  # objects are segmented even before the sweep reaches their first keyframe
    groups: tuple[ObjectGroup, ...] = ()  # the objects that are segmented
    side: int | None = None  # number of the side of a changed keyframe that the sweep is on
    walks_away: bool = False  # whether it goes away from that keyframe, so that it may end early

    @property
    def forward(self) -> bool:
        return self.frames.step > 0

    def reaches(self, keyframes: tuple[int, ...], frame: int) -> bool:
        """Return whether an object with these keyframes is segmented on `frame`.

        An object is segmented once the sweep has reached one of its keyframes; with `before_first`, from the start.
        """
        return self.before_first or (frame >= keyframes[0] if self.forward else frame <= keyframes[-1])

    def wanted_count(self, use: FrameUse = EVERY_FRAME) -> int:
        """Return the number of wanted frames whose mattes come from this sweep."""
        return sum(1 for frame in self.wanted if use.source(frame) in self.frames)

    def walked_count(self, last: int) -> int:
        """Return the number of wanted frames whose mattes come from this sweep if the walk on its side ends early."""
        walked = self.frames[: self.frames.index(last) + 1] if self.walks_away else ()
        return sum(1 for frame in walked if frame in self.wanted)


Annotations = Iterable[tuple[int, Iterable[int]]]  # pairs (frame, ids annotated there)


def group_by_keyframes(annotations: Annotations, *, max_objects: int | None) -> tuple[ObjectGroup, ...]:
    """Put objects annotated on exactly the same keyframes into one group, with at most `max_objects` objects."""
    objects_by_keyframes: dict[tuple[int, ...], list[int]] = {}
    for number, frames in _keyframes_of(annotations).items():
        objects_by_keyframes.setdefault(frames, []).append(number)
    return tuple(
        ObjectGroup(chunk, (frames,) * len(chunk))
        for frames, objects in objects_by_keyframes.items()
        for chunk in _chunks(objects, max_objects)
    )


def group_jointly(annotations: Annotations, *, max_objects: int | None) -> tuple[ObjectGroup, ...]:
    """Put all objects into one group, whatever their keyframes; into several if there are more than `max_objects`."""
    keyframes_of = _keyframes_of(annotations)
    return tuple(
        ObjectGroup(chunk, tuple(keyframes_of[number] for number in chunk))
        for chunk in _chunks(list(keyframes_of), max_objects)
    )


def with_absences(groups: Iterable[ObjectGroup], absences: Iterable[Absence]) -> tuple[ObjectGroup, ...]:
    """Return the groups, each with the absences of its objects."""
    known = tuple(absences)
    return tuple(
        replace(group, absences=tuple(absence for absence in known if absence.object_id in group.objects))
        for group in groups
    )


def plan_sweeps(
    groups: Sequence[ObjectGroup], wanted: range, direction: Direction, *, before_first: bool = False
) -> tuple[Sweep, ...]:
    """Plan at most one forward and one backward sweep that together cover the `wanted` frames.

    A forward sweep starts at a keyframe before the `wanted` frames, if there is one, else at the first keyframe among
    them; a backward sweep mirrors this. Frames that no keyframe reaches in the given direction are in no sweep. With
    `before_first` and a single direction, one sweep covers all `wanted` frames, also those before the first keyframe;
    this needs a memory that holds all keyframes from the start.
    """
    tracks = {frames for group in groups for frames in group.keyframes_of}
    begin, end = _first_start(tracks, wanted), _last_start(tracks, wanted)
    if before_first and direction is not Direction.BOTH:
        sweep = _sweep_over_all(begin, end, wanted, forward=direction is Direction.FORWARD)
        return (replace(sweep, groups=tuple(groups)),)
    sweeps = []
    if begin is not None and direction is not Direction.BACKWARD:
        sweeps.append(Sweep(range(begin, wanted.stop), wanted, groups=tuple(groups)))
    # A backward sweep from a keyframe on the first wanted frame is not needed after a forward sweep.
    if end is not None and direction is not Direction.FORWARD and (end > wanted.start or not sweeps):
        sweeps.append(Sweep(range(end, wanted.start - 1, -1), wanted, groups=tuple(groups)))
    return tuple(sweeps)


def _first_start(tracks: Iterable[tuple[int, ...]], wanted: range) -> int | None:
    """Return the frame at which a forward sweep starts; None if all keyframes are after the `wanted` frames."""
    nearest = [find(frames, wanted.start) for frames in tracks for find in (_last_at_or_before, _first_at_or_after)]
    return min((frame for frame in nearest if frame is not None and frame < wanted.stop), default=None)


def _last_start(tracks: Iterable[tuple[int, ...]], wanted: range) -> int | None:
    """Return the frame at which a backward sweep starts; None if all keyframes are before the `wanted` frames."""
    last = wanted.stop - 1
    nearest = [find(frames, last) for frames in tracks for find in (_first_at_or_after, _last_at_or_before)]
    return max((frame for frame in nearest if frame is not None and frame >= wanted.start), default=None)


def _sweep_over_all(begin: int | None, end: int | None, wanted: range, *, forward: bool) -> Sweep:
    """Make a sweep over all `wanted` frames, including those before the first keyframe.

    `begin` and `end` are the frames at which a forward and a backward sweep would start.
    """
    if forward:
        return Sweep(range(wanted.start if begin is None else min(begin, wanted.start), wanted.stop), wanted, True)
    last = wanted.stop - 1
    return Sweep(range(last if end is None else max(end, last), wanted.start - 1, -1), wanted, True)


def blend_weight(keyframes: tuple[int, ...], frame: int, sweep: Sweep) -> float:
    """Return the weight, 0..1, of this sweep's matte of an object on `frame`; the other sweep has the rest.

    The weight falls linearly from 1 at the keyframe that the sweep comes from to 0 at the keyframe that it goes to. It
    is 1 on a keyframe, before the first one, and after the last one.
    """
    if frame in keyframes:
        return 1.0
    before = _last_at_or_before(keyframes, frame)
    after = _first_at_or_after(keyframes, frame)
    if before is None or after is None:
        return 1.0
    forward = (after - frame) / (after - before)
    return forward if sweep.forward else 1 - forward


def _keyframes_of(annotations: Annotations) -> dict[int, tuple[int, ...]]:
    frames_of: dict[int, set[int]] = {}
    for frame, objects in annotations:
        for number in objects:
            frames_of.setdefault(number, set()).add(frame)
    return {number: tuple(sorted(frames_of[number])) for number in sorted(frames_of)}


def _chunks(objects: list[int], max_objects: int | None) -> Iterator[tuple[int, ...]]:
    size = max_objects or len(objects) or 1
    return (tuple(objects[i : i + size]) for i in range(0, len(objects), size))


def _last_at_or_before(frames: tuple[int, ...], frame: int) -> int | None:
    index = bisect_right(frames, frame)
    return frames[index - 1] if index else None


def _first_at_or_after(frames: tuple[int, ...], frame: int) -> int | None:
    index = bisect_left(frames, frame)
    return frames[index] if index < len(frames) else None
