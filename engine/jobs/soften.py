"""Edges of keyframes: once all mattes are there, each is made as soft as those of the frames beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..inference.keyframe_mattes import keyframe_alphas
from ..output.matte_files import read_existing
from ..output.mattes import MatteWriter
from .plan import JobPlan

_REACH = 3  # frames: how far beside a keyframe its neighbours are looked for, if others are keyframes too


def soften_keyframes(
    plan: JobPlan, frames: range, numbers: Sequence[int], mattes: MatteWriter, check: Callable[[], None]
) -> None:
    """Make the edges of all keyframes among `frames` as soft as those of their neighbours.

    On a keyframe the network remembers the user's mask of that very frame, so it is surer there than on any other frame
    and its own prediction has an edge that is too hard. `numbers` are the frames' numbers; `check` raises Cancelled.
    """
    objects = tuple(plan.objects)
    for frame in sorted(set(plan.truth) & set(frames)):
        check()
        annotated = {*plan.annotated(frame)}
        beside = {number: _beside(plan, number, frame, frames, numbers) for number in annotated}
        if not any(beside.values()):
            continue
        current = _current(plan, numbers[frame])
        examples = {number: found or [current[objects.index(number)]] for number, found in beside.items()}
        labels, soft = plan.truth[frame], plan.soft.get(frame, {})
        alphas = keyframe_alphas(labels, objects, annotated, current, examples, soft)
        softened = {number: alphas[objects.index(number)] for number, found in beside.items() if found}
        for shown in (other for other in plan.use.showing(frame) if other in frames):
            for number, alpha in softened.items():
                mattes.soften(shown, number, alpha)
            mattes.renew_labels_of(shown)  # a soft edge under a half transparent mask may fall below one half


def _current(plan: JobPlan, number: int) -> NDArray[np.float32]:
    """Return the mattes (O, H, W) of all objects as they are now on a frame; empty where there is none."""
    size = next(iter(plan.truth.values())).shape
    there = (read_existing(plan.folder.matte(object_id, number), size) for object_id in plan.objects)
    return np.stack([np.zeros(size, np.float32) if alpha is None else alpha for alpha in there])


def _beside(
    plan: JobPlan, object_id: int, frame: int, frames: range, numbers: Sequence[int]
) -> list[NDArray[np.float32]]:
    """Return the mattes beside a keyframe that show the object."""
    paths = (plan.folder.matte(object_id, numbers[other]) for other in _neighbours(plan, object_id, frame, frames))
    mattes = (read_existing(path, plan.truth[frame].shape) for path in paths)
    return [alpha for alpha in mattes if alpha is not None and alpha.max() >= 0.5]


def _neighbours(plan: JobPlan, object_id: int, frame: int, frames: range) -> Iterator[int]:
    """Yield the nearest frame of the shot on each side of a keyframe that is no keyframe of the object itself."""
    keyframes = {other for group in plan.groups for other in plan.truth if object_id in group.annotated(other)}
    same = plan.use.showing(frame)
    for end, step in ((same[0], -1), (same[-1], 1)):
        beside = [end + step * count for count in range(1, _REACH + 1)]
        shot = [other for other in beside if other in frames and plan.in_shot_of(frame, other)]
        yield from [other for other in shot if plan.use.source(other) not in keyframes][:1]
