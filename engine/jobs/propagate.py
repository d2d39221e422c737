"""Propagation job: reads keyframes, plans the sweeps, propagates, and writes all result files."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, islice

from ..inference.early_end import NEVER, EarlyEnds
from ..inference.feature_cache import FeatureCache
from ..inference.following import FollowingPropagator
from ..inference.keyframe_memory import Labels
from ..inference.mattes import Matte
from ..inference.propagate import Propagator
from ..networks.network import Features
from ..output.dropped_objects import DroppedObject, drop_objects
from ..runtime.device import peak_memory
from ..runtime.prefetch import WriteBehind
from ..shared.errors import Cancelled, EngineError, NoKeyframes
from ..shared.folder_claim import refuse_if_taken
from ..shared.folder_lock import refuse_if_locked
from ..shared.protocol import Finished, JobCancelled, MatteReady, Stage
from ..shared.types import PropagationJob
from ..shared.versions import finish_interrupted
from ..suggestion.key_cache import KeyFolder
from .account import (
    check_present,
    note_dropped,
    note_earlier,
    note_ends,
    note_kept,
    note_nothing_due,
    note_to_fix,
    take_account,
)
from .advice import fit_small_objects, note_cuts, note_small_objects
from .claim import claim_folder
from .clip_identity import FileDates
from .features import kept_features
from .leftovers import drop_leftovers, locked_numbers
from .outputs import Outputs, Report, open_outputs, report_stage, write_unreadable_keyframes
from .parts import join_parts
from .plan import JobPlan, make_plan
from .refine import refine_afterwards
from .resume import ResumePoint
from .setup import JobContext, open_job_context
from .small_objects import AnyPropagator, follow
from .soften import soften_keyframes
from .stabilized import Read, StabilizedSpace, stabilized_space

_log = logging.getLogger(__name__)


def run(job: PropagationJob, report: Report, cancelled: Callable[[], bool]) -> None:
    """Run a propagation job, and end with the report Finished or JobCancelled.

    Raises EngineError if the job fails; mattes written before stay valid.
    """
    try:
        if not job.keyframes:
            raise NoKeyframes("there are no keyframes to propagate from")
        refuse_if_taken(job.folder)  # now, before the network is loaded
        refuse_if_locked(job.folder)
        finish_interrupted(job.folder)
        space = stabilized_space(job)
        with open_job_context(job, cancelled, report) as context:
            files = FileDates(context.reader.files)
            plan = make_plan(job, context, partial(report_stage, job, report))
            if not plan.sections:
                dropped = note_dropped(drop_leftovers(job, context, plan))
                refined, warning = refine_afterwards(job, context, report, cancelled)
                told = (dropped, note_nothing_due(job), refined)
                report(Finished(job.job_id, warning=warning, note=" ".join(filter(None, told))))
                return
            context = fit_small_objects(job, context, plan.marked)
            with (
                claim_folder(job, context, plan, partial(report_stage, job, report)) as (claimed, changed),
                open_outputs(job, context, plan, claimed) as outputs,
            ):
                if job.parts:
                    join_parts(job, plan, context.reader.numbers, outputs.mattes, partial(report_stage, job, report))
                    steps_per_second = 0.0
                else:
                    moved = job.stabilization if space else ()
                    with kept_features(context, job.feature_bytes, job.features, moved) as cache:
                        new = partial(_new_propagator, job, context, plan, cache, space)
                        propagator = follow(job, context, plan, plan.small, new)
                        if isinstance(propagator, FollowingPropagator):
                            report(Stage(job.job_id, "Following small objects"))
                        steps_per_second = _propagate(job, context, plan, outputs, propagator, report, space)
                removed = _finish(job, context, plan, outputs)
                claimed.mark_finished()
            account = take_account(job, context, plan, outputs.mattes.written())
            advice = note_small_objects(context, plan), note_cuts(context, plan)
            kept = note_kept(outputs.mattes, context.reader), note_earlier(job, outputs.mattes, context.reader)
            ended = note_ends(outputs.walks.ends, outputs.walks.left, context.reader)
            refined, not_refined = refine_afterwards(job, context, report, cancelled)
            notes = (changed, note_dropped(removed), ended, *kept, *advice, refined)
            changes = files.changed_since(), outputs.keeper.warning
            warnings = (plan.warning, context.reader.warning, account.warning, *changes, not_refined)
        report(
            Finished(
                job.job_id,
                warning=" ".join(filter(None, warnings)),
                frames_per_second=round(steps_per_second, 3),
                peak_memory=peak_memory(),
                note=" ".join(filter(None, notes)),
                frames_done=account.frames_done,
                frames_asked=account.frames_asked,
                to_fix=note_to_fix(job, context, plan.folder),
            )
        )
    except Cancelled:
        report(JobCancelled(job.job_id))


# -- run ---------------------------------------------------------------------------------------------------------------
def _new_propagator(
    job: PropagationJob,
    context: JobContext,
    plan: JobPlan,
    cache: FeatureCache,
    space: StabilizedSpace | None,
    read: Read,
    every: bool,
) -> Propagator:
    """Make the propagator of the job; if `job.keys` is a folder, the frames' attention keys are written there.

    They are not in stabilised `space`, as suggestions compare pictures as they are.
    """
    recipe, network = context.recipe, context.network
    keys = KeyFolder.open(job.keys, context.identity()) if job.keys and space is None else None
    truth, soft = plan.truth, plan.soft
    framing = context.framing
    if space is not None:
        framing = space.framing(framing, network.stride)
        read = space.read(read)
        truth, soft = space.keyframes(truth, soft)
    return Propagator(
        network,
        lambda: recipe.bank(context.numbers, network, context.reader.clip.frame_count),
        framing=framing,
        merger=recipe.mask_merger(framing),
        read=read,
        truth=truth,
        soft=soft,
        groups=plan.groups,
        device=context.device,
        keyframe_policy=plan.policy,
        use=plan.use,
        on_features=partial(_keep_keys, keys) if keys else None,
        cache=cache,
        every=every,
    )


def _keep_keys(keys: KeyFolder, frame: int, features: Features) -> None:
    """Write the attention keys of a frame to the cache, for later suggestions, unless they are there already."""
    if not keys.has(frame):
        keys.write(frame, features.query, features.grid)


def _propagate(
    job: PropagationJob,
    context: JobContext,
    plan: JobPlan,
    outputs: Outputs,
    propagator: AnyPropagator,
    report: Report,
    space: StabilizedSpace | None,
) -> float:
    """Compute and write all mattes, resuming an interrupted run of the same job; return the steps per second."""
    began = time.monotonic()
    before, mattes, ends = _start(job, context, plan, outputs, propagator, report)
    if space is not None:
        mattes = space.mattes(mattes, plan.truth, plan.soft, plan.annotated)
    done = before
    with WriteBehind() as writer:
        for done, matte in enumerate(mattes, before + 1):
            ready = MatteReady(job.job_id, matte.frame, done, plan.steps_if(ends.ended))
            writer.submit(partial(outputs.write, matte, ready, report))
            if matte.checkpoint:
                progress = matte.checkpoint, done, outputs.mattes.written, propagator.readable, context.source.failed
                writer.submit(partial(outputs.checkpoint.save, *progress))
            context.source.check()  # cancelled since the frame was read ahead
    return (done - before) / max(time.monotonic() - began, 1e-9)


def _start(
    job: PropagationJob,
    context: JobContext,
    plan: JobPlan,
    outputs: Outputs,
    propagator: AnyPropagator,
    report: Report,
) -> tuple[int, Iterator[Matte], EarlyEnds]:
    """Resume an interrupted run of the same job, or start.

    Returns the number of steps done, the further mattes, and which walks have ended by then. If resuming fails for
    whatever reason, the job starts again and says so.
    """
    limit = 0 if job.stabilization else job.early_end.frames  # earlier mattes are in another space
    state_due = outputs.checkpoint.due if outputs.resumable else lambda: False
    try:
        if resume := _find_resume_point(context, plan, outputs):
            _log.info("resuming an interrupted run after %d of %d steps", resume.done, plan.steps)
            report(Stage(job.job_id, "Encoding the keyframes, then resuming"))
            outputs.keeper.resume()
            ends = EarlyEnds(outputs.walks.agrees, limit, resume.state.ended, resume.state.agreeing)
            mattes = propagator.propagate(
                plan.sweeps, blanks=plan.blanks, resume_from=resume.state, state_due=state_due, ends=ends
            )
            first = [*islice(mattes, 1)]
            return resume.done, chain(first, mattes), ends
    except (Cancelled, EngineError):
        raise
    except Exception as error:  # a checkpoint that is not what it should be can cause any
        _log.warning("the checkpoint cannot be used: %r", error)
        outputs.mattes.start_again()
    if reason := outputs.checkpoint.restart_reason(resumable=outputs.resumable):
        _log.warning("%s", reason)
        report(Stage(job.job_id, reason))
    # An interrupted run may have replaced the mattes that tell where a walk may end, and their copies are removed now.
    ends = NEVER if any(plan.folder.unfinished_jobs()) else EarlyEnds(outputs.walks.agrees, limit)
    outputs.checkpoint.remove()
    report(Stage(job.job_id, "Encoding the keyframes"))
    return 0, propagator.propagate(plan.sweeps, blanks=plan.blanks, state_due=state_due, ends=ends), ends


def _find_resume_point(context: JobContext, plan: JobPlan, outputs: Outputs) -> ResumePoint | None:
    """Return the point at which an interrupted run of the same job stopped; None if it cannot be resumed.

    All mattes that it wrote must be intact, and the same frames must be readable.
    """
    point = outputs.checkpoint.load() if outputs.resumable else None
    if point is None or not _fits(point, context, plan):
        return None
    permanent: Labels = plan.truth if plan.policy.permanent else {}
    can_read = {frame: context.source.read(frame) is not None for frame in sorted({*permanent, *point.failed})}
    same_keyframes = {frame for frame in permanent if can_read[frame]} == point.readable
    still_failing = not any(can_read[frame] for frame in point.failed)
    if not same_keyframes or not still_failing:
        return None
    return point if outputs.mattes.adopt(point.written, outputs.checkpoint.first_matte_path) else None


def _fits(point: ResumePoint, context: JobContext, plan: JobPlan) -> bool:
    """Return whether the numbers in a checkpoint are within the job's."""
    state, frames = point.state, range(context.reader.clip.frame_count)
    if not 0 <= state.sweep < len(plan.sweeps) or not 0 <= point.done <= plan.steps:
        return False
    return state.frame in plan.sweeps[state.sweep].frames and all(frame in frames for frame in point.failed)


# -- finish ------------------------------------------------------------------------------------------------------------
def _finish(job: PropagationJob, context: JobContext, plan: JobPlan, outputs: Outputs) -> list[DroppedObject]:
    """Write the files that remain after propagation, and remove the checkpoint.

    These are mattes of keyframes whose frames cannot be read, all keyframes' edges, and probabilities if the job asks
    for them. Results of objects that have no keyframes any more are removed and returned.
    """
    outputs.claimed.lock.check()
    unreadable = [frame for frame in job.frames if frame in context.source.failed and frame in plan.truth]
    write_unreadable_keyframes(plan, unreadable, outputs.mattes)
    if plan.policy.soften and not job.is_part:
        soften_keyframes(plan, job.frames, context.reader.numbers, outputs.mattes, context.source.check)
    dropped = drop_objects(plan.folder, outputs.claimed.written, plan.objects, locked_numbers(job, context.reader))
    outputs.mattes.renew_labels(all_frames=bool(dropped))
    outputs.remove_outlines()
    if outputs.probabilities:
        outputs.probabilities.save()
    outputs.checkpoint.remove()
    outputs.claimed.lock.check()
    check_present(context, plan, job.frames, outputs.mattes.written())
    return dropped
