"""Plan of a propagation job: its keyframes, the groups of its objects, and its sweeps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..inference.sweeps import (
    KeyframePolicy,
    ObjectGroup,
    Sweep,
    group_by_keyframes,
    group_jointly,
    plan_sweeps,
    with_absences,
)
from ..media.frames import FrameReader
from ..media.label_images import read_keyframe
from ..output.exclusions import check_exclusions
from ..shared.errors import KeyframeOutsideClip, NoKeyframes
from ..shared.matte_folder import MatteFolder, spans
from ..shared.types import PropagationJob
from .account import refuse_without_pictures
from .setup import JobContext


@dataclass(frozen=True)
class JobPlan:
    """What a job propagates: its keyframes, groups of objects, sweeps and matte folder."""

    folder: MatteFolder
    truth: dict[int, NDArray[np.uint8]]  # keyframe labels (H, W) by media frame
    groups: tuple[ObjectGroup, ...]
    sweeps: tuple[Sweep, ...]
    policy: KeyframePolicy
    warning: str  # about the keyframes; empty if there is none

    @property
    def objects(self) -> list[int]:
        """Return the ids of all objects, ascending."""
        return sorted({number for group in self.groups for number in group.objects})

    @property
    def steps(self) -> int:
        """Return the number of steps: wanted frames, counted once in each sweep."""
        return sum(sweep.wanted_count() for sweep in self.sweeps)


def make_plan(job: PropagationJob, context: JobContext) -> JobPlan:
    """Read the keyframes and plan the sweeps, without writing anything.

    Raises NoKeyframes, KeyframeOutsideClip, FramesUnreadable, and the errors of `read_keyframe`.
    """
    truth, warning = _read_keyframes(job, context.reader)
    check_exclusions(job.exclusions, (context.reader.clip.height, context.reader.clip.width))
    policy = context.recipe.keyframe_policy
    if policy.shared_memory and not any(labels.any() for labels in truth.values()):
        raise NoKeyframes("no object is marked on any keyframe")
    refuse_without_pictures(context, truth)
    group_objects = group_jointly if policy.shared_memory else group_by_keyframes
    annotations = ((keyframe.frame, keyframe.objects) for keyframe in job.keyframes)
    groups = with_absences(group_objects(annotations, max_objects=context.network.max_objects), job.absences)
    sweeps = plan_sweeps(groups, job.frames, job.direction, before_first=policy.before_first)
    folder = MatteFolder(job.folder)
    return JobPlan(folder, truth, groups, sweeps, context.recipe.keyframe_policy_for(context.numbers), warning)


def _read_keyframes(job: PropagationJob, reader: FrameReader) -> tuple[dict[int, NDArray[np.uint8]], str]:
    """Read the keyframe labels by media frame; return them with a warning for the user if keyframes overlap.

    Where the keyframe masks of two objects overlap, the higher object number wins.
    """
    size = (reader.clip.height, reader.clip.width)
    truth: dict[int, NDArray[np.uint8]] = {}
    overlapping: list[int] = []
    for keyframe in job.keyframes:
        if not 0 <= keyframe.frame < reader.clip.frame_count:
            raise KeyframeOutsideClip(
                f"keyframe {keyframe.labels.name} is on frame {keyframe.frame}, but "
                f"the clip has frames 0 to {reader.clip.frame_count - 1}"
            )
        labels = read_keyframe(keyframe, size=size)
        below = truth.setdefault(keyframe.frame, np.zeros(size, np.uint8))
        annotated = np.isin(labels, keyframe.objects) & (labels > 0)
        if below[annotated].any():
            overlapping.append(reader.numbers[keyframe.frame])
        below[annotated] = labels[annotated]
    warning = f"Keyframes overlap on frames {spans(overlapping)}: the object with the higher number is in front."
    return truth, warning if overlapping else ""
