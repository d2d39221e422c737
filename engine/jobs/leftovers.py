"""Leftovers: results of objects that a clip no longer has, which a job removes although it has nothing to redo."""

from __future__ import annotations

from ..media.frames import FrameReader
from ..output.dropped_objects import DroppedObject, IsLocked, drop_objects
from ..output.renewed_labels import renew_labels
from ..shared.folder_claim import claim
from ..shared.types import PropagationJob
from ..shared.version_keeper import VersionKeeper
from ..shared.version_store import RunInfo
from .plan import JobPlan
from .setup import JobContext


def drop_leftovers(job: PropagationJob, context: JobContext, plan: JobPlan) -> list[DroppedObject]:
    """Remove the results of objects without keyframes, and return what was removed; it can be undone like a run.

    Raises FolderInUse, FolderNotWritable, DiskFull.
    """
    if job.is_part or plan.folder.matte_sequences().keys() <= {*plan.objects}:
        return []
    with claim(plan.folder) as claimed:
        keeper = VersionKeeper(claimed, job.versions, RunInfo(plan.inputs.id, job.recipe, ""))
        try:
            dropped = drop_objects(plan.folder, claimed.written, plan.objects, locked_numbers(job, context.reader))
            for number in plan.folder.numbers_done() if dropped else ():
                renew_labels(plan.folder, claimed.written, plan.objects, number)
        finally:
            keeper.close()
    return dropped


def locked_numbers(job: PropagationJob, reader: FrameReader) -> IsLocked:
    """Return a function that says whether the matte of an object is locked on the frame with a file number."""
    frames = {number: frame for frame, number in enumerate(reader.numbers)}

    def is_locked(object_id: int, number: int) -> bool:
        return number in frames and any(lock.covers(object_id, frames[number]) for lock in job.locks)

    return is_locked
