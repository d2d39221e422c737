"""Preview of a refined matte: one object on one frame, while the user changes the settings."""

from __future__ import annotations

from collections.abc import Callable

from ..media.label_images import encode_matte
from ..shared.errors import Cancelled, FramesUnreadable, NothingPropagated
from ..shared.files import atomic_write
from ..shared.matte_folder import MatteFolder
from ..shared.protocol import Answer, Previewed, Stage
from ..shared.types import PreviewJob
from .open_frames import Frames
from .refine import check_refinement
from .refine_source import RefineSource


def run(job: PreviewJob, frames: Frames, report: Callable[[Answer], None], cancelled: Callable[[], bool]) -> None:
    """Refine the matte, write it and report Previewed.

    Raises Cancelled, NothingPropagated, BadSetting, FramesUnreadable, errors of the clip, DiskFull, FolderNotWritable.
    """

    def progress(done: int, total: int) -> None:
        if cancelled():
            raise Cancelled
        report(Stage(job.job_id, "Indexing the movie", done, total))

    if cancelled():
        raise Cancelled
    check_refinement(job.object.refinement)
    reader = frames.open(job.clip, job.frame, progress)
    source = RefineSource(MatteFolder(job.folder), reader)
    if source.matte(job.object.object_id, job.frame) is None:
        raise NothingPropagated(f"object {job.object.object_id} has no matte on this frame")
    alpha = source.without_smoothing(job.object, job.frame)
    if alpha is None:
        raise FramesUnreadable(f"frame {job.frame} of {job.clip.path} cannot be read")
    with atomic_write(job.alpha) as part:
        part.write_bytes(encode_matte(alpha))
    report(Previewed(job.job_id, job.alpha))
