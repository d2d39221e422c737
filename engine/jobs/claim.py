"""Claim of a job on its matte folder: checks what is there, and records the clip, the job and its inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .. import VERSION
from ..shared.folder_claim import WALKS, FolderClaim, claim
from ..shared.provenance import Runs
from ..shared.types import PropagationJob
from ..shared.version_order import newer
from ..shared.version_store import run_ids
from .adapt import adapt
from .clip_identity import compare_with_earlier, folder_record, identify
from .plan import JobPlan
from .setup import JobContext


@contextmanager
def claim_folder(
    job: PropagationJob, context: JobContext, plan: JobPlan, report: Callable[[str, int, int], None]
) -> Iterator[tuple[FolderClaim, str]]:
    """Claim the matte folder during the `with` block, and adapt the network if the job asks for it.

    Yields the claim, and a note if the clip's files have changed since earlier mattes were made, or if a newer Keymatte
    made them. `report` is called with what is being done, the steps done and their number.
    """
    with claim(plan.folder) as claimed:
        identity = identify(context.reader)
        has_results = bool(claimed.written.recorded())
        changed = compare_with_earlier(identity, claimed.earlier, job.folder, has_results=has_results)
        sections = [(one.frames.start, one.frames.stop, one.away) for one in plan.sections]
        walks = {WALKS: {"run": plan.inputs.id, "sections": sections}}
        claimed.mark({**folder_record(job, context.reader, plan.cuts), "identity": identity, **walks})
        keep = claimed.written.run_ids() | run_ids(plan.folder)
        Runs.read(plan.folder).with_run(plan.inputs, keep=keep).write(plan.folder)
        if job.settings.adapt:
            adapt(context, plan.folder, plan.truth, plan.groups, report)
        yield claimed, " ".join(filter(None, (changed, _note_newer(claimed))))


def _note_newer(claimed: FolderClaim) -> str:
    """Tell that a newer version has written to the folder: what only it knows, it has to find out again."""
    version = newer(claimed.earlier.get("keymatte"))
    if not version:
        return ""
    return f"Earlier mattes were made by Keymatte {version}, which is newer than this one ({VERSION}); update Keymatte."
