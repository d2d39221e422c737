"""Segmentation of one object on one frame: jobs without a network, on a thread beside the one of the other jobs."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..media.frames import FrameReader
from ..media.pictures import DECODER_ERRORS
from ..media.stored_images import read_stored
from ..segmentation.segmenters import find_segmenter
from ..shared.errors import Cancelled, ClipNotFound, KeyframeSizeMismatch, KeyframeUnreadable
from ..shared.files import atomic_write, modified_ns
from ..shared.marks import Mark
from ..shared.protocol import Answer, JobCancelled, Segmented, Stage
from ..shared.types import SegmentationJob, VideoClip

Report = Callable[[Answer], None]
IDLE_SECONDS = 60.0  # after which the clip is closed
PATIENCE = 3.0  # seconds that other jobs wait: longer than segmentation takes, and shorter than indexing a long movie
_REMEDY = "The mask is left as it was. If this happens again, report this message."


class Lane:
    """Thread that answers segmentation jobs in the order in which they come."""

    def __init__(self, report: Report, report_error: Callable[[str, Exception], None]) -> None:
        """`report` sends an answer; `report_error` is given the id of a job and the error that it ended with."""
        self._report, self._report_error = report, report_error
        self._jobs: queue.SimpleQueue[SegmentationJob] = queue.SimpleQueue()
        self._waiting: list[str] = []  # ids of the jobs that wait or run
        self._cancelled: set[str] = set()  # of them
        self._busy_since = 0.0  # on the monotonic clock
        self._idle = threading.Event()
        self._idle.set()
        self._thread = threading.Thread(target=self._run, daemon=True, name="segmentation")

    def put(self, job: SegmentationJob) -> None:
        """Queue a job."""
        if self._idle.is_set():
            self._busy_since = time.monotonic()
        self._idle.clear()
        self._waiting.append(job.job_id)
        self._jobs.put(job)
        if not self._thread.is_alive():
            self._thread.start()

    def cancel(self, job_id: str) -> None:
        """Cancel a job that waits, or that is indexing a movie; no effect if there is no such job."""
        if job_id in self._waiting:
            self._cancelled.add(job_id)

    def give_way(self) -> None:
        """Wait until no job waits or runs, but no longer than PATIENCE after they came, so that they have the CPU."""
        self._idle.wait(max(0.0, self._busy_since + PATIENCE - time.monotonic()))

    def __len__(self) -> int:
        return len(self._waiting)

    def _run(self) -> None:
        frames = Frames()
        while True:
            try:
                job = self._jobs.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                frames.close()
                job = self._jobs.get()
            try:
                run(job, frames, self._report, partial(self._cancelled.__contains__, job.job_id))
            except Cancelled:
                self._report(JobCancelled(job.job_id))
            except Exception as error:
                self._report_error(job.job_id, error)
            self._waiting.remove(job.job_id)
            self._cancelled.discard(job.job_id)
            if not self._waiting:
                self._idle.set()


class Frames:
    """The frames that segmentation jobs need: the last clip is kept open, and its last frame in memory."""

    def __init__(self) -> None:
        self._reader: FrameReader | None = None
        self._clip: tuple[VideoClip, int] | None = None  # the open clip, and when its file was last modified
        self._frame: tuple[int, int] | None = None  # the frame in memory, and when its file was last modified
        self._pixels = np.zeros((0, 0, 3), np.uint8)

    def read(self, clip: VideoClip, frame: int, progress: Callable[[int, int], None]) -> NDArray[np.uint8]:
        """Read a media frame: (H, W, 3) uint8 RGB, not to be written to. `progress` is called while a movie is indexed.

        Raises ClipNotFound, ClipUnreadable, FramesUnreadable, MixedSizes.
        """
        state = clip, modified_ns(clip.path)
        if self._reader is None or self._clip != state:
            self.close()
            self._reader, self._clip = FrameReader.expect(clip, progress), state
        count = self._reader.clip.frame_count
        if not 0 <= frame < count:
            needed = f"{frame + 1} are needed" if frame >= 0 else f"frame {frame} is asked for"
            raise ClipNotFound(f"{clip.path} now has {count} frames, but {needed}")
        files = self._reader.files
        file = files[frame] if frame < len(files) else files[0]
        if self._frame != (frame, modified_ns(file)):
            self._frame = None
            self._pixels = self._reader.read(frame)
            self._frame = frame, modified_ns(file)
        return self._pixels

    def close(self) -> None:
        """Close the clip and release what is kept of it."""
        if self._reader:
            self._reader.close()
        self._reader = self._clip = self._frame = None
        self._pixels = np.zeros((0, 0, 3), np.uint8)


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
