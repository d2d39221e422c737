"""Which frames in which order, from which keyframes, and which objects go together."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from .types import Direction


@dataclass(frozen=True)
class ObjectGroup:
    """Objects annotated on the same keyframes: they share one memory."""

    objects: tuple[int, ...]  # ids, ascending
    keyframes: tuple[int, ...]  # media frames, ascending


@dataclass(frozen=True)
class Sweep:
    """One walk over frames in one direction."""

    frames: range  # step 1 or -1
    wanted: range  # frames whose mattes are asked for; the others only carry the masks here

    @property
    def forward(self) -> bool:
        return self.frames.step > 0

    def reaches(self, group: ObjectGroup, frame: int) -> bool:
        """Whether a keyframe of `group` lies at or behind `frame` on this way."""
        return frame >= group.keyframes[0] if self.forward else frame <= group.keyframes[-1]

    def wanted_count(self) -> int:
        """Number of wanted frames on this way."""
        return sum(1 for frame in self.frames if frame in self.wanted)


def group_objects(keyframes: Iterable[tuple[int, Iterable[int]]], *, most: int | None) -> tuple[ObjectGroup, ...]:
    """Groups from pairs (frame, ids annotated there), each with at most `most` objects."""
    frames_of: dict[int, set[int]] = {}
    for frame, objects in keyframes:
        for number in objects:
            frames_of.setdefault(number, set()).add(frame)
    together: dict[tuple[int, ...], list[int]] = {}
    for number in sorted(frames_of):
        together.setdefault(tuple(sorted(frames_of[number])), []).append(number)
    groups = []
    for frames, objects in together.items():
        size = most or len(objects)
        groups += [ObjectGroup(tuple(objects[i : i + size]), frames) for i in range(0, len(objects), size)]
    return tuple(groups)


def plan_sweeps(groups: Iterable[ObjectGroup], wanted: range, direction: Direction) -> tuple[Sweep, ...]:
    """At most one sweep forward and one backward that together fill the `wanted` frames.

    A sweep begins at the keyframe nearest before the wanted frames (behind them, going backward), or, when there is
    none, at the first keyframe among them. Frames that no keyframe reaches on the way asked for are in no sweep.
    """
    groups = tuple(groups)
    last = wanted.stop - 1
    forward = [_last_at_or_before(group.keyframes, wanted.start) for group in groups]
    forward += [_first_at_or_after(group.keyframes, wanted.start) for group in groups]
    backward = [_first_at_or_after(group.keyframes, last) for group in groups]
    backward += [_last_at_or_before(group.keyframes, last) for group in groups]
    begin = min((frame for frame in forward if frame is not None and frame <= last), default=None)
    end = max((frame for frame in backward if frame is not None and frame >= wanted.start), default=None)
    sweeps = []
    if begin is not None and direction is not Direction.BACKWARD:
        sweeps.append(Sweep(range(begin, wanted.stop), wanted))
    # After a sweep forward, a keyframe on the very first frame has nothing before it to go back to.
    if end is not None and direction is not Direction.FORWARD and (end > wanted.start or not sweeps):
        sweeps.append(Sweep(range(end, wanted.start - 1, -1), wanted))
    return tuple(sweeps)


def share(group: ObjectGroup, frame: int, sweep: Sweep) -> float:
    """How much of the final matte at `frame` comes from this sweep, 0..1, where it is reached from both sides.

    The nearer the sweep's keyframe, the more; 1 where only one side has a keyframe.
    """
    if frame in group.keyframes:
        return 1.0
    before = _last_at_or_before(group.keyframes, frame)
    behind = _first_at_or_after(group.keyframes, frame)
    if before is None or behind is None:
        return 1.0
    forward = (behind - frame) / (behind - before)
    return forward if sweep.forward else 1 - forward


def _last_at_or_before(frames: tuple[int, ...], frame: int) -> int | None:
    at = bisect_right(frames, frame)
    return frames[at - 1] if at else None


def _first_at_or_after(frames: tuple[int, ...], frame: int) -> int | None:
    at = bisect_left(frames, frame)
    return frames[at] if at < len(frames) else None
