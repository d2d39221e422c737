"""Plan of a propagation job: its keyframes, the shots of its clip, the groups of its objects, and its sweeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..inference.frame_use import EVERY_FRAME, FrameUse
from ..inference.keyframe_memory import Labels
from ..inference.shots import Annotation, Blank, ShotPlan, plan_shots, shot_around
from ..inference.soft_masks import SoftKeyframes
from ..inference.sweeps import KeyframePolicy, ObjectGroup, Sweep, group_by_keyframes, group_jointly
from ..output.exclusions import check_exclusions
from ..shared.errors import NoKeyframes
from ..shared.matte_folder import MatteFolder, named_spans
from ..shared.provenance import RunInputs
from ..shared.run_inputs import run_inputs
from ..shared.types import KeyframeFile, PropagationJob
from .account import refuse_without_pictures
from .held_frames import hold_frames
from .keyframe_masks import check_frames, note_without_objects, read_keyframe_masks
from .looks import find_looks
from .redo import due_sections
from .setup import JobContext
from .sides import Section, walked
from .small import find_small


@dataclass(frozen=True)
class JobPlan:
    """What a job propagates: its keyframes, groups of objects, sweeps and matte folder."""

    folder: MatteFolder
    truth: dict[int, NDArray[np.uint8]]  # keyframe labels (H, W) by media frame
    small: tuple[int, ...]  # objects that are followed by crops
    marked: dict[int, NDArray[np.uint8]]  # those of all keyframes of the clip, also in shots that need no mattes
    soft: SoftKeyframes  # the soft pixels of the keyframes
    groups: tuple[ObjectGroup, ...]
    sweeps: tuple[Sweep, ...]
    blanks: tuple[Blank, ...]  # objects without a keyframe in a shot, whose mattes are empty there
    cuts: tuple[int, ...]  # media frames with which shots begin, across which nothing is carried
    use: FrameUse
    policy: KeyframePolicy
    inputs: RunInputs  # what the mattes depend on
    sections: tuple[Section, ...]  # media frames that mattes are made for
    warning: str  # about the keyframes; empty if there is none

    @property
    def objects(self) -> list[int]:
        """Return the ids of all objects, ascending, also of those that no stretch reaches."""
        known = {one.object_id for one in self.inputs.objects}
        return sorted(known.union(ShotPlan(self.groups, self.sweeps, self.blanks).objects))

    @property
    def steps(self) -> int:
        """Return the number of steps: wanted frames, counted once in each sweep."""
        return self.steps_if({})

    def steps_if(self, ended: Mapping[int, int]) -> int:
        """Return the number of steps if the walks on some sides end early, each at a media frame."""
        blank = sum(len(one.frames) for one in self.blanks)
        ends = [None if sweep.side is None else ended.get(sweep.side) for sweep in self.sweeps]
        return blank + sum(
            sweep.wanted_count(self.use) if end is None else sweep.walked_count(end)
            for sweep, end in zip(self.sweeps, ends, strict=True)
        )

    def annotated(self, frame: int) -> tuple[int, ...]:
        """Return the ids of the objects that a media frame is a keyframe of."""
        return tuple(number for group in self.groups for number in group.annotated(frame))

    def in_shot_of(self, frame: int, other: int) -> bool:
        """Return whether two media frames are of one shot."""
        first, after = shot_around(frame, self.cuts)
        return first <= other < after


def make_plan(job: PropagationJob, context: JobContext, report: Callable[[str, int, int], None]) -> JobPlan:
    """Look at the clip, read the keyframes and plan the sweeps, without writing anything.

    `report` is called with what is being done, the steps done and their number.

    Raises NoKeyframes, KeyframeOutsideClip, FramesUnreadable, and the errors of `read_keyframe`.
    """
    check_frames(job, context.reader)
    check_exclusions(job.exclusions, (context.reader.clip.height, context.reader.clip.width))
    cuts, use, keyframes = _look(job, context, report)
    truth, soft, overlaps = read_keyframe_masks(replace(job, keyframes=keyframes), context.reader)
    small = _small(job, context, truth)
    inputs = run_inputs(job, context.reader.numbers, cuts, context.weights, small)
    restarts = context.recipe.keyframe_policy.restarts
    wanted = due_sections(job, context.reader, inputs, use, restarts=restarts)
    warning = " ".join(filter(None, (overlaps, note_without_objects(job, context.reader))))
    policy = context.recipe.keyframe_policy

    def is_marked(annotations: Sequence[Annotation]) -> bool:
        return any(not policy.shared_memory or truth[frame].any() for frame, _ in annotations)

    if not is_marked([(frame, ()) for frame in truth]):
        raise NoKeyframes("no object is marked on any keyframe")
    # Sorted, as the order of keyframes says who is in front and must not change how objects are grouped.
    annotations = sorted((keyframe.frame, keyframe.objects) for keyframe in keyframes)
    group_objects = group_jointly if policy.shared_memory else group_by_keyframes
    plan_stretch = partial(
        plan_shots,
        annotations,
        direction=job.direction,
        cuts=cuts,
        group_objects=partial(group_objects, max_objects=context.network.max_objects),
        absences=job.absences,
        before_first=policy.before_first,
        is_marked=is_marked,
    )
    plans = (walked(plan_stretch(wanted=section.frames), side, section) for side, section in enumerate(wanted))
    shots = ShotPlan.joined(plans)
    marked = truth
    if cuts:
        _refuse_unmarked(job, context, shots)
        truth = {frame: truth[frame] for frame in truth if any(group.annotated(frame) for group in shots.groups)}
    refuse_without_pictures(context, truth)
    policy = context.recipe.keyframe_policy_for(context.numbers)
    folder = MatteFolder(job.folder)
    parts = shots.groups, shots.sweeps, shots.blanks
    return JobPlan(
        folder, truth, small if job.crop else (), marked, soft, *parts, cuts, use, policy, inputs, wanted, warning
    )


def _small(job: PropagationJob, context: JobContext, truth: Labels) -> tuple[int, ...]:
    """Return the objects that crops can follow, by their keyframes."""
    policy = context.recipe.keyframe_policy_for(context.numbers)
    if not context.recipe.follows or not policy.permanent or job.stabilization:
        return ()
    return find_small(truth, context.framing.work_height / context.framing.height)


def _look(
    job: PropagationJob, context: JobContext, report: Callable[[str, int, int], None]
) -> tuple[tuple[int, ...], FrameUse, tuple[KeyframeFile, ...]]:
    """Look at the clip; return its cuts, the use of its frames, and the keyframes on the frames that are segmented."""
    if job.across_cuts and not context.recipe.skips:
        return (), EVERY_FRAME, job.keyframes
    span = _span(job)
    looks = find_looks(context.reader, span, context.source.read, partial(report, "Looking for cuts"))
    cuts = () if job.across_cuts else tuple(cut for cut in looks.cuts if span.start < cut < span.stop)
    return (cuts, *hold_frames(job, looks)) if context.recipe.skips else (cuts, EVERY_FRAME, job.keyframes)


def _span(job: PropagationJob) -> range:
    """Return the media frames from the first to the last that the job has to know: its frames and keyframes."""
    frames = [keyframe.frame for keyframe in job.keyframes]
    return range(min(job.frames.start, *frames), max(job.frames.stop, *(frame + 1 for frame in frames)))


def _refuse_unmarked(job: PropagationJob, context: JobContext, shots: ShotPlan) -> None:
    """Raise NoKeyframes if no shot of the job's frames has a keyframe."""
    if shots.blanks and not shots.groups:
        where = named_spans("frame", context.reader.shown_frames(job.frames))
        raise NoKeyframes(
            f"the clip is cut, and no object is marked in the shot of {where}",
            remedy="Mark the objects there. To let keyframes count in other shots, turn on Across Cuts "
            "(--across-cuts).",
        )
