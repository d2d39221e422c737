"""Plan of a propagation job: its keyframes, the groups of its objects, and its sweeps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..inference.soft_masks import SoftKeyframes
from ..inference.sweeps import (
    KeyframePolicy,
    ObjectGroup,
    Sweep,
    group_by_keyframes,
    group_jointly,
    plan_sweeps,
    with_absences,
)
from ..output.exclusions import check_exclusions
from ..shared.errors import NoKeyframes
from ..shared.matte_folder import MatteFolder
from ..shared.types import PropagationJob
from .account import refuse_without_pictures
from .keyframe_masks import read_keyframe_masks
from .setup import JobContext


@dataclass(frozen=True)
class JobPlan:
    """What a job propagates: its keyframes, groups of objects, sweeps and matte folder."""

    folder: MatteFolder
    truth: dict[int, NDArray[np.uint8]]  # keyframe labels (H, W) by media frame
    soft: SoftKeyframes  # the soft pixels of the keyframes
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
    truth, soft, warning = read_keyframe_masks(job, context.reader)
    check_exclusions(job.exclusions, (context.reader.clip.height, context.reader.clip.width))
    policy = context.recipe.keyframe_policy
    if policy.shared_memory and not any(labels.any() for labels in truth.values()):
        raise NoKeyframes("no object is marked on any keyframe")
    refuse_without_pictures(context, truth)
    group_objects = group_jointly if policy.shared_memory else group_by_keyframes
    # Sorted, as the order of keyframes says who is in front and must not change how objects are grouped.
    annotations = sorted((keyframe.frame, keyframe.objects) for keyframe in job.keyframes)
    groups = with_absences(group_objects(annotations, max_objects=context.network.max_objects), job.absences)
    sweeps = plan_sweeps(groups, job.frames, job.direction, before_first=policy.before_first)
    folder = MatteFolder(job.folder)
    policy = context.recipe.keyframe_policy_for(context.numbers)
    return JobPlan(folder, truth, soft, groups, sweeps, policy, warning)
