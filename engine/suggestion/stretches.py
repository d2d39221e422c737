"""Bad stretches: runs of frames on which an object's matte probably needs a fix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

THRESHOLD = 0.5  # of the quality; a matte below it is bad
HOLE = 2  # good frames that do not end a stretch


@dataclass(frozen=True)
class Stretch:
    """Run of frames on which the matte of one object is bad, but for a few frames in between."""

    object_id: int
    first: int  # media frame
    last: int  # media frame

    def __contains__(self, frame: int) -> bool:
        return self.first <= frame <= self.last


def find_stretches(
    quality: Mapping[int, Mapping[int, float]], frames: Sequence[int], *, threshold: float = THRESHOLD, hole: int = HOLE
) -> list[Stretch]:
    """Find the bad stretches of all objects among `frames` (ascending), by object, then by frame.

    `quality` maps media frame and object to the probability that the matte needs no change; a matte without quality is
    not bad.
    """
    bad: dict[int, list[int]] = {}
    for frame in frames:
        for object_id, value in quality.get(frame, {}).items():
            if value < threshold:
                bad.setdefault(object_id, []).append(frame)
    stretches = []
    for object_id, bad_frames in sorted(bad.items()):
        first = bad_frames[0]
        for frame, following in zip(bad_frames, [*bad_frames[1:], None], strict=True):
            if following is None or following - frame > hole + 1:
                stretches.append(Stretch(object_id, first, frame))
                first = frame if following is None else following
    return stretches
