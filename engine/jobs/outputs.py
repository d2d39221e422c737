"""Writers of all result files of a propagation job."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from ..inference.keyframe_mattes import keyframe_alphas
from ..inference.mattes import Matte
from ..output.exclusions import Exclusions
from ..output.mattes import MatteWriter
from ..output.probabilities import ProbabilityFile
from ..quality.account import QualityAccount
from ..shared.errors import Cancelled, EngineError, MatteUnreadable
from ..shared.folder_claim import FolderClaim
from ..shared.protocol import Answer, MatteReady, Stage
from ..shared.quality import GIVEN
from ..shared.types import PropagationJob
from ..shared.version_keeper import VersionKeeper
from ..shared.version_store import RunInfo
from .plan import JobPlan
from .redo import Signer
from .resume import JobCheckpoint, job_identity
from .setup import JobContext
from .walks import Walks

Report = Callable[[Answer], None]


@dataclass(frozen=True)
class Outputs:
    """The writers of all result files of a job."""

    mattes: MatteWriter
    probabilities: ProbabilityFile | None
    checkpoint: JobCheckpoint
    resumable: bool
    claimed: FolderClaim
    keeper: VersionKeeper
    walks: Walks

    def write(self, matte: Matte, ready: MatteReady, report: Report) -> None:
        """Write the mattes of one frame, then report `ready` with their qualities."""
        self.claimed.lock.check()
        written = self.mattes.write(matte)
        if matte.ends_side is not None:
            self.walks.end(matte.ends_side, matte.frame)
        if self.probabilities:
            self.probabilities.add(matte)
        report(ready.with_qualities(written))

    def remove_outlines(self) -> None:
        """Remove the outlines that Keymatte 0.1 traced from the mattes that the job has replaced."""
        for path in self.claimed.folder.outline_files():
            self.keeper.keep(path)
            path.unlink(missing_ok=True)


def write_unreadable_keyframes(plan: JobPlan, frames: Iterable[int], mattes: MatteWriter) -> None:
    """Write keyframe masks, soft where they are, as mattes of frames that cannot be read."""
    for frame in frames:
        labels, soft = plan.truth[frame], plan.soft.get(frame, {})
        objects = plan.annotated(frame)
        nothing = np.zeros((len(objects), *labels.shape), np.float32)
        alpha = keyframe_alphas(labels, objects, {*objects}, nothing, {}, soft)
        signals = {object_id: {GIVEN: 1.0} for object_id in objects}
        matte = Matte(frame, objects, alpha, (1.0,) * len(objects), alpha[:0], signals)
        mattes.write(matte, complete=False)


@contextmanager
def open_outputs(job: PropagationJob, context: JobContext, plan: JobPlan, claimed: FolderClaim) -> Iterator[Outputs]:
    """Yield the writers of the job's results, and close the probability file when the `with` block ends.

    After an error that the checkpoint may have caused, it is removed, or a resumed run would fail again.
    """
    reader, folder = context.reader, plan.folder
    size = (reader.clip.height, reader.clip.width)
    checkpoint = JobCheckpoint(folder, job_identity(job, context, plan, folder))
    resumable = job.probabilities is None  # probabilities of an interrupted run are gone
    keeper = VersionKeeper(claimed, job.versions, RunInfo(plan.inputs.id, job.recipe, checkpoint.job))
    exclude = Exclusions(job.exclusions, plan.groups, size).cut
    mattes = MatteWriter(
        folder,
        claimed.written,
        reader.numbers,
        plan.objects,
        job.frames,
        keep_first=checkpoint.keep_first_matte if resumable else None,
        exclude=exclude,
        account=QualityAccount(context.recipe.name),
        sign=Signer(plan.inputs.id, reader, plan.sweeps, plan.use, plan.soft),
        locks=job.locks,
    )
    outputs = Outputs(
        mattes=mattes,
        probabilities=ProbabilityFile(job.probabilities, plan.objects, job.frames, size) if job.probabilities else None,
        checkpoint=checkpoint,
        resumable=resumable,
        claimed=claimed,
        keeper=keeper,
        walks=Walks(plan, mattes, checkpoint, exclude, job.early_end),
    )
    try:
        yield outputs
    except Cancelled:
        raise
    except Exception as error:
        if isinstance(error, MatteUnreadable) or not isinstance(error, EngineError):
            checkpoint.remove()
        raise
    finally:
        keeper.close()
        if outputs.probabilities:
            outputs.probabilities.close()


def report_stage(job: PropagationJob, report: Report, text: str, done: int, total: int) -> None:
    """Report the progress of a stage of a job."""
    report(Stage(job.job_id, text, done, total))
