"""Use of a film's frames: which are segmented, which get the matte of another, and which are not remembered."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class FrameUse:
    """How frames are used: of a run of repeated frames one is segmented, and faint frames leave no trace in memory."""

    shown_by: Mapping[int, int] = field(default_factory=dict)  # repeated frame -> the frame whose matte it gets
    faint: frozenset[int] = frozenset()  # frames that are segmented, but not remembered
    flat: frozenset[int] = frozenset()  # frames on which nothing can be seen: their mattes are empty

    def source(self, frame: int) -> int:
        """Return the frame whose matte a frame gets: mostly itself."""
        return self.shown_by.get(frame, frame)

    def description(self) -> str:
        """Return a text that differs if the use of any frame does."""
        return repr([sorted(self.shown_by.items()), sorted(self.faint), sorted(self.flat)])

    def showing(self, frame: int) -> list[int]:
        """Return the frames that get the matte of `frame`, ascending; they are neighbours."""
        first = last = frame
        while self.shown_by.get(first - 1) == frame:
            first -= 1
        while self.shown_by.get(last + 1) == frame:
            last += 1
        return list(range(first, last + 1))


EVERY_FRAME = FrameUse()  # each frame is segmented and remembered
Keyframes = Mapping[int, Collection[int]]  # frame -> objects annotated there


def hold(runs: Iterable[range], keyframes: Keyframes, wanted: range) -> tuple[dict[int, int], dict[int, list[int]]]:
    """Choose which frame of each run of repeated frames is segmented: one that is `wanted`, at best a keyframe.

    A keyframe holds for its whole run; if an object has several there, each frame goes with the nearest one.

    Returns for each frame that is not segmented the one whose matte it gets; and for each frame that is segmented the
    keyframes that hold for it, in the order in which they count for an object: the nearest first.
    """
    shown_by: dict[int, int] = {}
    moved: dict[int, list[int]] = {}
    for run in runs:
        annotated = [frame for frame in run if keyframes.get(frame)]
        for anchor, part in _parts(run, annotated, keyframes):
            source = min(part, key=lambda frame: (frame not in wanted, frame != anchor, frame))
            shown_by |= {frame: source for frame in part if frame != source}
            if annotated:
                moved[source] = sorted(annotated, key=lambda frame: (abs(frame - anchor), frame))
    return shown_by, moved


def _parts(run: range, annotated: Sequence[int], keyframes: Keyframes) -> Iterator[tuple[int, range]]:
    """Split a run between the keyframes of objects that have several in it; yield each keyframe with its part."""
    times: dict[int, int] = {}
    for frame in annotated:
        for number in keyframes[frame]:
            times[number] = times.get(number, 0) + 1
    anchors = [frame for frame in annotated if any(times[number] > 1 for number in keyframes[frame])]
    anchors = anchors or [*annotated[:1], run.start][:1]
    ends = [(before + after) // 2 + 1 for before, after in zip(anchors, anchors[1:])]
    for anchor, start, stop in zip(anchors, [run.start, *ends], [*ends, run.stop]):
        yield anchor, range(start, stop)
