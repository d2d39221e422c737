"""Which frames in which order, from which keyframes; which objects go together; how keyframes are treated."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..shared.types import Direction


@dataclass(frozen=True)
class KeyframePolicy:
    """How a method treats the user's keyframes."""

    permanent: bool = True  # all are in memory before the first frame; else each is met on the way
    shared_memory: bool = False  # objects annotated on different keyframes share one memory
    read_on_keyframes: bool = False  # the memory is read on keyframes too, so that this use of it is counted
    before_first: bool = False  # one sweep finds objects on frames before their first keyframe too
    first_value_frame: int = -1  # on the keyframe of this frame all objects are remembered with the value of the first


ALL_PERMANENT = KeyframePolicy()


@dataclass(frozen=True)
class ObjectGroup:
    """Objects that share one memory."""

    objects: tuple[int, ...]  # ids, ascending
    keyframes_of: tuple[tuple[int, ...], ...]  # per object: the media frames on which it is annotated, ascending

    @property
    def keyframes(self) -> tuple[int, ...]:
        """Frames on which any of them is annotated, ascending."""
        return tuple(sorted({frame for frames in self.keyframes_of for frame in frames}))

    def annotated(self, frame: int) -> tuple[int, ...]:
        """The objects annotated on `frame`."""
        return tuple(number for number, frames in zip(self.objects, self.keyframes_of, strict=True) if frame in frames)

    def keyframes_by_object(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Each object with its keyframes."""
        return zip(self.objects, self.keyframes_of, strict=True)


@dataclass(frozen=True)
class Sweep:
    """One walk over frames in one direction."""

    frames: range  # step 1 or -1
    wanted: range  # frames whose mattes are asked for; the others only carry the masks here
    before_first: bool = False  # objects are looked for even before a keyframe of theirs is met

    @property
    def forward(self) -> bool:
        return self.frames.step > 0

    def reaches(self, keyframes: tuple[int, ...], frame: int) -> bool:
        """Whether an object with these keyframes is followed at `frame`: one of them lies at or behind it."""
        return self.before_first or (frame >= keyframes[0] if self.forward else frame <= keyframes[-1])

    def wanted_count(self) -> int:
        """Number of wanted frames on this way."""
        return sum(1 for frame in self.frames if frame in self.wanted)


Annotations = Iterable[tuple[int, Iterable[int]]]  # pairs (frame, ids annotated there)


def group_by_keyframes(annotations: Annotations, *, max_objects: int | None) -> tuple[ObjectGroup, ...]:
    """Objects annotated on the same keyframes go together, `max_objects` of them at most."""
    together: dict[tuple[int, ...], list[int]] = {}
    for number, frames in _keyframes_of(annotations).items():
        together.setdefault(frames, []).append(number)
    return tuple(
        ObjectGroup(some, (frames,) * len(some))
        for frames, objects in together.items()
        for some in _chunks(objects, max_objects)
    )


def group_jointly(annotations: Annotations, *, max_objects: int | None) -> tuple[ObjectGroup, ...]:
    """All objects go together, `max_objects` of them at most, wherever they are annotated."""
    keyframes_of = _keyframes_of(annotations)
    return tuple(
        ObjectGroup(some, tuple(keyframes_of[number] for number in some))
        for some in _chunks(list(keyframes_of), max_objects)
    )


def plan_sweeps(
    groups: Iterable[ObjectGroup], wanted: range, direction: Direction, *, before_first: bool = False
) -> tuple[Sweep, ...]:
    """Plan at most one sweep forward and one backward that together cover the `wanted` frames.

    A sweep starts at the keyframe nearest before the wanted frames (after them, going backward), or, if there is
    none, at the first keyframe among them. Frames that no keyframe reaches in the given direction are in no sweep,
    unless `before_first`: then a single sweep covers all of them, as a memory that holds every keyframe allows.
    """
    tracks = {frames for group in groups for frames in group.keyframes_of}
    begin, end = _first_start(tracks, wanted), _last_start(tracks, wanted)
    if before_first and direction is not Direction.BOTH:
        return (_sweep_over_all(begin, end, wanted, forward=direction is Direction.FORWARD),)
    sweeps = []
    if begin is not None and direction is not Direction.BACKWARD:
        sweeps.append(Sweep(range(begin, wanted.stop), wanted))
    # After a sweep forward, a keyframe on the very first frame has nothing before it to go back to.
    if end is not None and direction is not Direction.FORWARD and (end > wanted.start or not sweeps):
        sweeps.append(Sweep(range(end, wanted.start - 1, -1), wanted))
    return tuple(sweeps)


def _first_start(tracks: Iterable[tuple[int, ...]], wanted: range) -> int | None:
    """The keyframe from which a sweep forward starts; None if there is none before the end of `wanted`."""
    nearest = [find(frames, wanted.start) for frames in tracks for find in (_last_at_or_before, _first_at_or_after)]
    return min((frame for frame in nearest if frame is not None and frame < wanted.stop), default=None)


def _last_start(tracks: Iterable[tuple[int, ...]], wanted: range) -> int | None:
    """The keyframe from which a sweep backward starts; None if there is none behind the start of `wanted`."""
    last = wanted.stop - 1
    nearest = [find(frames, last) for frames in tracks for find in (_first_at_or_after, _last_at_or_before)]
    return max((frame for frame in nearest if frame is not None and frame >= wanted.start), default=None)


def _sweep_over_all(begin: int | None, end: int | None, wanted: range, *, forward: bool) -> Sweep:
    """One sweep over all `wanted` frames, those before the first keyframe too."""
    if forward:
        return Sweep(range(wanted.start if begin is None else min(begin, wanted.start), wanted.stop), wanted, True)
    last = wanted.stop - 1
    return Sweep(range(last if end is None else max(end, last), wanted.start - 1, -1), wanted, True)


def blend_weight(keyframes: tuple[int, ...], frame: int, sweep: Sweep) -> float:
    """How much of an object's final matte at `frame` comes from this sweep, 0..1, where it is reached from both sides.

    The nearer the sweep's keyframe, the more; 1 where only one side has a keyframe.
    """
    if frame in keyframes:
        return 1.0
    before = _last_at_or_before(keyframes, frame)
    behind = _first_at_or_after(keyframes, frame)
    if before is None or behind is None:
        return 1.0
    forward = (behind - frame) / (behind - before)
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
    at = bisect_right(frames, frame)
    return frames[at - 1] if at else None


def _first_at_or_after(frames: tuple[int, ...], frame: int) -> int | None:
    at = bisect_left(frames, frame)
    return frames[at] if at < len(frames) else None
