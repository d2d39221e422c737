"""Propagation job: reads keyframes, plans the sweeps, propagates, and writes all result files."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import VERSION
from ..inference.propagate import Labels, Matte, Propagator
from ..inference.sweeps import KeyframePolicy, ObjectGroup, Sweep, group_by_keyframes, group_jointly, plan_sweeps
from ..media.frames import FrameReader
from ..media.label_images import read_keyframe
from ..networks.network import Features
from ..output.mattes import MatteWriter, OutlineTracer, ProbabilityFile
from ..runtime.device import peak_memory
from ..runtime.prefetch import WriteBehind
from ..shared.errors import Cancelled, KeyframeOutsideClip, MatteUnreadable, NoKeyframes
from ..shared.matte_folder import MatteFolder, spans
from ..shared.protocol import Answer, Finished, JobCancelled, MatteReady, Stage
from ..shared.types import PropagationJob
from ..suggestion.key_cache import KeyFolder
from .adapt import adapt
from .resume import JobCheckpoint, ResumePoint, job_identity
from .setup import JobContext, open_job_context

_log = logging.getLogger(__name__)

Report = Callable[[Answer], None]


def run(job: PropagationJob, report: Report, cancelled: Callable[[], bool]) -> None:
    """Run a propagation job, and end with the report Finished or JobCancelled.

    Raises EngineError if the job fails; mattes written before stay valid.
    """
    try:
        if not job.keyframes:
            raise NoKeyframes("there are no keyframes to propagate from")
        with open_job_context(job, cancelled, report) as context:
            plan = _prepare(job, context, report)
            with _open_outputs(job, context, plan, report) as outputs:
                propagator = _new_propagator(job, context, plan)
                steps_per_second = _propagate(job, context, plan, outputs, propagator, report)
                _finish(job, context, plan, outputs)
            warnings = (plan.warning, context.reader.warning, context.source.warning(job.frames))
        report(
            Finished(
                job.job_id,
                warning=" ".join(filter(None, warnings)),
                frames_per_second=round(steps_per_second, 3),
                peak_memory=peak_memory(),
            )
        )
    except Cancelled:
        report(JobCancelled(job.job_id))


# -- prepare and plan --------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _JobPlan:
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


def _prepare(job: PropagationJob, context: JobContext, report: Report) -> _JobPlan:
    """Read the keyframes, plan the sweeps, claim the matte folder, and adapt the network if the job asks for it."""
    truth, warning = _read_keyframes(job, context.reader)
    policy = context.recipe.keyframe_policy
    if policy.shared_memory and not any(labels.any() for labels in truth.values()):
        raise NoKeyframes("no object is marked on any keyframe")
    group_objects = group_jointly if policy.shared_memory else group_by_keyframes
    annotations = ((keyframe.frame, keyframe.objects) for keyframe in job.keyframes)
    groups = group_objects(annotations, max_objects=context.network.max_objects)
    sweeps = plan_sweeps(groups, job.frames, job.direction, before_first=policy.before_first)
    folder = MatteFolder(job.folder)
    folder.claim(_folder_record(job, context.reader))
    if job.settings.adapt:
        adapt(context, folder, truth, groups, partial(_report_stage, job, report))
    return _JobPlan(folder, truth, groups, sweeps, context.recipe.keyframe_policy_for(context.numbers), warning)


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


def _folder_record(job: PropagationJob, reader: FrameReader) -> dict[str, Any]:
    """Return the description of the job that is written to the marker file of the matte folder."""
    return {
        "keymatte": VERSION,
        "first_number": reader.numbers[0],
        "frames": [job.frames.start, job.frames.stop],
        **{name: value for name, value in asdict(job).items() if name not in ("job_id", "frames", "folder")},
    }


# -- run ---------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Outputs:
    """The writers of all result files of a job."""

    mattes: MatteWriter
    outlines: OutlineTracer
    probabilities: ProbabilityFile | None
    checkpoint: JobCheckpoint
    resumable: bool

    def write(self, matte: Matte, then: Callable[[], None]) -> None:
        """Write the mattes of one frame, then call `then`."""
        self.outlines.remove_outdated()
        self.mattes.write(matte)
        if self.probabilities:
            self.probabilities.add(matte)
        then()


@contextmanager
def _open_outputs(job: PropagationJob, context: JobContext, plan: _JobPlan, report: Report) -> Iterator[_Outputs]:
    """Yield the writers of the job's results, and close the probability file when the `with` block ends.

    If the job is cancelled in the block, outlines are still traced, within a short time limit. If a matte cannot be
    read, the job's checkpoint is removed, or a resumed run would fail on the same matte again.
    """
    reader, folder = context.reader, plan.folder
    size = (reader.clip.height, reader.clip.width)
    checkpoint = JobCheckpoint(folder, job_identity(job, context, plan.truth, plan.groups, folder))
    resumable = job.probabilities is None  # probabilities of an interrupted run are gone
    outputs = _Outputs(
        mattes=MatteWriter(
            folder,
            reader.numbers,
            plan.objects,
            job.frames,
            keep_first=checkpoint.keep_first_matte if resumable else None,
        ),
        outlines=OutlineTracer(
            folder, reader.numbers, plan.objects, size, partial(_report_stage, job, report, "Tracing outlines")
        ),
        probabilities=ProbabilityFile(job.probabilities, plan.objects, job.frames, size) if job.probabilities else None,
        checkpoint=checkpoint,
        resumable=resumable,
    )
    try:
        yield outputs
    except MatteUnreadable:
        checkpoint.remove()  # or a resumed run would fail on the same matte again
        raise
    except Cancelled:
        outputs.outlines.trace_briefly()
        raise
    finally:
        if outputs.probabilities:
            outputs.probabilities.close()


def _new_propagator(job: PropagationJob, context: JobContext, plan: _JobPlan) -> Propagator:
    """Make the propagator of the job; if `job.keys` is a folder, the frames' attention keys are written there."""
    recipe, network = context.recipe, context.network
    keys = KeyFolder.open(job.keys, context.identity()) if job.keys else None
    return Propagator(
        network,
        lambda: recipe.bank(context.numbers, network, context.reader.clip.frame_count),
        framing=context.framing,
        merger=recipe.mask_merger(context.framing),
        read=context.source.read,
        truth=plan.truth,
        groups=plan.groups,
        device=context.device,
        keyframe_policy=plan.policy,
        on_features=partial(_keep_keys, keys) if keys else None,
    )


def _keep_keys(keys: KeyFolder, frame: int, features: Features) -> None:
    """Write the attention keys of a frame to the cache, for later suggestions, unless they are there already."""
    if not keys.has(frame):
        keys.write(frame, features.query, features.grid)


def _propagate(
    job: PropagationJob, context: JobContext, plan: _JobPlan, outputs: _Outputs, propagator: Propagator, report: Report
) -> float:
    """Compute and write all mattes, resuming an interrupted run of the same job; return the steps per second."""
    resume = _find_resume_point(context, plan, outputs)
    if resume is None:
        if reason := outputs.checkpoint.restart_reason(resumable=outputs.resumable):
            _log.warning("%s", reason)
            report(Stage(job.job_id, reason))
        outputs.checkpoint.remove()
    else:
        _log.info("resuming an interrupted run after %d of %d steps", resume.done, plan.steps)
    report(Stage(job.job_id, "Encoding the keyframes" + (", then resuming" if resume else "")))
    before = resume.done if resume else 0
    done, began = before, time.monotonic()
    with WriteBehind() as writer:
        mattes = propagator.propagate(
            plan.sweeps,
            resume_from=resume.state if resume else None,
            state_due=outputs.checkpoint.due if outputs.resumable else lambda: False,
        )
        for done, matte in enumerate(mattes, before + 1):
            ready = MatteReady(job.job_id, matte.frame, done, plan.steps)
            writer.submit(partial(outputs.write, matte, partial(report, ready)))
            if matte.checkpoint:
                progress = matte.checkpoint, done, outputs.mattes.written, propagator.readable, context.source.failed
                writer.submit(partial(outputs.checkpoint.save, *progress))
            context.source.check()  # cancelled since the frame was read ahead
    return (done - before) / max(time.monotonic() - began, 1e-9)


def _find_resume_point(context: JobContext, plan: _JobPlan, outputs: _Outputs) -> ResumePoint | None:
    """Return the point at which an interrupted run of the same job stopped; None if it cannot be resumed.

    All mattes that it wrote must be intact, and the same frames must be readable.
    """
    point = outputs.checkpoint.load() if outputs.resumable else None
    if point is None:
        return None
    permanent: Labels = plan.truth if plan.policy.permanent else {}
    can_read = {frame: context.source.read(frame) is not None for frame in sorted({*permanent, *point.failed})}
    same_keyframes = {frame for frame in permanent if can_read[frame]} == point.readable
    still_failing = not any(can_read[frame] for frame in point.failed)
    if not same_keyframes or not still_failing:
        return None
    return point if outputs.mattes.adopt(point.written, outputs.checkpoint.first_matte_path) else None


# -- finish ------------------------------------------------------------------------------------------------------------
def _finish(job: PropagationJob, context: JobContext, plan: _JobPlan, outputs: _Outputs) -> None:
    """Write the files that remain after propagation, and remove the checkpoint.

    These are mattes of keyframes whose frames cannot be read, outlines, and probabilities if the job asks for them.
    """
    unreadable = [frame for frame in job.frames if frame in context.source.failed]
    outputs.mattes.write_unreadable_keyframes(plan.truth, unreadable)
    outputs.outlines.trace(context.source.check)
    if outputs.probabilities:
        outputs.probabilities.save()
    outputs.checkpoint.remove()


def _report_stage(job: PropagationJob, report: Report, text: str, done: int, total: int) -> None:
    report(Stage(job.job_id, text, done, total))
