"""Advice on a propagation job: objects too small for the network, and shots without a keyframe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..inference.keyframe_memory import Labels
from ..shared.matte_folder import named_spans
from ..shared.types import PropagationJob
from .plan import JobPlan
from .setup import JobContext

_MAX_SHOTS, _MAX_NUMBERS = 3, 8  # that a note names
_MIN_SIDE = 8.0  # pixels at working size; smaller objects are followed badly


def fit_small_objects(job: PropagationJob, context: JobContext, truth: Labels) -> JobContext:
    """Return the context with frames enlarged, at most to the working height, if an object in `truth` is small."""
    sides = _sides(truth)
    if not sides:
        return context
    framing = context.framing.enlarged_for(
        min(sides.values()), working_height=job.settings.height, stride=context.network.stride
    )
    return replace(context, framing=framing)


def note_small_objects(context: JobContext, plan: JobPlan) -> str:
    """Say which objects are too small at the working height, and which height would help; empty if none are.

    Those that are followed by crops are seen well.
    """
    framing = context.framing
    scale = framing.work_height / framing.height
    shorter = min(framing.height, framing.width)
    small = {number: side for number, side in _sides(plan.marked).items() if side * scale < _MIN_SIDE}
    small = {number: side for number, side in small.items() if number not in plan.small}
    if not small or scale >= 1:
        return ""
    number, side = min(small.items(), key=lambda item: item[1])
    wanted = min(shorter, math.ceil(shorter * 2 * _MIN_SIDE / side))
    names = _few(sorted(small))
    return (
        f"{'Object' if len(small) == 1 else 'Objects'} {names}: too small to be followed well at a working height of "
        f"{round(shorter * scale)}, where object {number} is about {side * scale:.0f} pixels across. "
        f"A working height of {wanted} would help."
    )


def note_cuts(context: JobContext, plan: JobPlan) -> str:
    """Say in which shots which objects have no keyframe, and so empty mattes; empty if there are none."""
    if not plan.blanks:
        return ""
    frames_of: dict[tuple[int, ...], list[int]] = {}
    for blank in plan.blanks:
        frames_of.setdefault(blank.objects, []).extend(context.reader.shown_frames(blank.frames))
    where = [
        f"{named_spans('frame', frames)}: no keyframe of {'object' if len(objects) == 1 else 'objects'} {_few(objects)}"
        for objects, frames in list(frames_of.items())[:_MAX_SHOTS]
    ]
    more = [f"and {len(frames_of) - _MAX_SHOTS} more"] if len(frames_of) > _MAX_SHOTS else []
    wanted = sorted({blank.frames.start for blank in plan.blanks} & {*plan.cuts})
    plural = "s" if len(wanted) > 1 else ""
    at = f" at frame{plural} {_few(context.reader.shown_frames(wanted))}" if wanted else ""
    return (
        f"The film is cut{at}, and keyframes count only in their own shot. "
        f"Mattes are empty on {'; '.join([*where, *more])}. "
        "Mark the objects there; or, if there is no cut, turn on Across Cuts (--across-cuts)."
    )


def _few(numbers: Sequence[int]) -> str:
    """List the first few numbers, and say how many more there are."""
    more = f" and {len(numbers) - _MAX_NUMBERS} more" if len(numbers) > _MAX_NUMBERS else ""
    return ", ".join(map(str, numbers[:_MAX_NUMBERS])) + more


def _sides(truth: Labels) -> dict[int, float]:
    """Return the side in pixels of a square as large as the smallest mask of each object."""
    sides: dict[int, float] = {}
    for labels in truth.values():
        areas = np.bincount(labels.ravel(), minlength=256)
        for number in np.flatnonzero(areas[1:]) + 1:
            side = math.sqrt(areas[number])
            sides[int(number)] = min(side, sides.get(int(number), math.inf))
    return sides
