"""Held frames of a job: of frames that show the same one is segmented, and a keyframe on any of them rules all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..inference.frame_use import FrameUse, hold
from ..media.looks import Looks
from ..shared.types import KeyframeFile, PropagationJob


def hold_frames(job: PropagationJob, looks: Looks) -> tuple[FrameUse, tuple[KeyframeFile, ...]]:
    """Return how the frames of a job are used, and its keyframes, moved to the frames that are segmented."""
    by_frame: dict[int, set[int]] = {}
    for keyframe in job.keyframes:
        by_frame.setdefault(keyframe.frame, set()).update(keyframe.objects)
    shown_by, moved = hold(_runs(job, looks), by_frame, job.frames)
    use = FrameUse(shown_by, looks.faint_frames(), looks.flat_frames())
    sources = {keyframe.frame: [keyframe.frame] for keyframe in job.keyframes if keyframe.frame not in shown_by}
    for source, frames in moved.items():
        for frame in frames:
            sources.setdefault(frame, [])
            if source not in sources[frame]:
                sources[frame].append(source)
    return use, tuple(_moved(job.keyframes, sources, moved))


def _moved(
    keyframes: Sequence[KeyframeFile], sources: dict[int, list[int]], moved: dict[int, list[int]]
) -> Iterator[KeyframeFile]:
    """Yield each keyframe on the frames that are segmented, with the objects for which it is the nearest there."""
    for keyframe in keyframes:
        for source in sources.get(keyframe.frame, ()):  # none if it annotates no object
            nearer = moved.get(source, [])[: moved.get(source, [keyframe.frame]).index(keyframe.frame)]
            taken = {number for other in keyframes if other.frame in nearer for number in other.objects}
            objects = tuple(number for number in keyframe.objects if number not in taken)
            if objects or keyframe.frame == source:
                yield replace(keyframe, frame=source, objects=objects)


def _runs(job: PropagationJob, looks: Looks) -> Iterator[range]:
    """Yield the runs of two or more frames that show the same; none has a frame on which an object is absent."""
    start = looks.start
    for frame in [*looks.frames, looks.frames.stop]:
        repeats = frame in looks.frames and looks.repeats[frame - looks.start]
        if not repeats or any(other in one.frames for one in job.absences for other in (frame - 1, frame)):
            if frame - start > 1:
                yield range(start, frame)
            start = frame
