"""Advice on a propagation job: objects too small for the network, and shots without a keyframe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..inference.propagate import Labels
from ..shared.matte_folder import spans
from ..shared.types import PropagationJob
from .setup import JobContext

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


def note_small_objects(context: JobContext, truth: Labels) -> str:
    """Say which objects are too small at the working height, and which height would help; empty if none are."""
    framing = context.framing
    scale = framing.work_height / framing.height
    shorter = min(framing.height, framing.width)
    small = {number: side for number, side in _sides(truth).items() if side * scale < _MIN_SIDE}
    if not small or scale >= 1:
        return ""
    number, side = min(small.items(), key=lambda item: item[1])
    wanted = min(shorter, math.ceil(shorter * 2 * _MIN_SIDE / side))
    names = ", ".join(map(str, sorted(small)))
    return (
        f"{'Object' if len(small) == 1 else 'Objects'} {names}: too small to be followed well at a working height of "
        f"{round(shorter * scale)}, where object {number} is about {side * scale:.0f} pixels across. "
        f"A working height of {wanted} would help."
    )


def note_cuts(job: PropagationJob, context: JobContext, keyframes: Sequence[int]) -> str:
    """Say where the film is cut to a shot without a keyframe; empty if it is nowhere."""
    numbers, frames = context.reader.numbers, job.frames
    cuts = [frame for frame in context.source.cuts() if frames.start < frame < frames.stop]
    bounds = [frames.start, *cuts, frames.stop]
    shots = [range(first, after) for first, after in zip(bounds, bounds[1:])]
    unmarked = [shot for shot in shots if not any(frame in shot for frame in keyframes)]
    if not cuts or not unmarked:
        return ""
    where = spans([numbers[frame] for shot in unmarked for frame in shot])
    return (
        f"The film seems to be cut at frame {spans([numbers[frame] for frame in cuts])}, and no object is marked in "
        f"the shot of frames {where}: do not trust the mattes there. Mark the objects in that shot, or leave it out."
    )


def _sides(truth: Labels) -> dict[int, float]:
    """Return the side in pixels of a square as large as the smallest mask of each object."""
    sides: dict[int, float] = {}
    for labels in truth.values():
        areas = np.bincount(labels.ravel(), minlength=256)
        for number in np.flatnonzero(areas[1:]) + 1:
            side = math.sqrt(areas[number])
            sides[int(number)] = min(side, sides.get(int(number), math.inf))
    return sides
