"""Segmentation of one object on one frame, without a network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..media.pictures import DECODER_ERRORS
from ..media.stored_images import read_stored
from ..segmentation.segmenters import find_segmenter
from ..shared.errors import Cancelled, KeyframeSizeMismatch, KeyframeUnreadable
from ..shared.files import atomic_write
from ..shared.marks import Mark
from ..shared.protocol import Answer, Segmented, Stage
from ..shared.types import SegmentationJob
from .open_frames import Frames

Report = Callable[[Answer], None]
_REMEDY = "The mask is left as it was. If this happens again, report this message."


def run(job: SegmentationJob, frames: Frames, report: Report, cancelled: Callable[[], bool]) -> None:
    """Segment the object, write its alpha and report Segmented.

    Raises Cancelled, NotSeparable, BadSetting, KeyframeUnreadable, KeyframeSizeMismatch, errors of the clip, DiskFull
    and FolderNotWritable.
    """

    def progress(done: int, total: int) -> None:
        if cancelled():
            raise Cancelled
        report(Stage(job.job_id, "Indexing the movie", done, total))

    if cancelled():
        raise Cancelled
    segment = find_segmenter(job.segmenter)
    marks = _read_marks(job)
    picture = frames.read(job.clip, job.frame, progress)
    alpha = segment(picture, marks)
    with atomic_write(job.alpha) as part, part.open("wb") as file:
        np.save(file, alpha)
    report(Segmented(job.job_id, job.alpha))


def _read_marks(job: SegmentationJob) -> NDArray[np.uint8]:
    """Read the marks (H, W) uint8 of a job. Raises KeyframeUnreadable, KeyframeSizeMismatch."""
    try:
        marks = read_stored(job.marks).values
    except DECODER_ERRORS as error:
        raise KeyframeUnreadable(f"the marks {job.marks} cannot be read ({error})", remedy=_REMEDY) from error
    size = job.clip.height, job.clip.width
    is_grey = marks.ndim == 2 and marks.dtype == np.uint8
    if not is_grey or not np.isin(np.flatnonzero(np.bincount(marks.ravel())), list(Mark)).all():
        raise KeyframeUnreadable(f"the marks {job.marks} hold other values than those of marks", remedy=_REMEDY)
    if marks.shape != size:
        raise KeyframeSizeMismatch(
            f"the mask is {marks.shape[1]}x{marks.shape[0]}, but the clip {size[1]}x{size[0]}", remedy="Draw it again."
        )
    return marks
