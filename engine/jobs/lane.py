"""Lane for questions that the user waits for: jobs on single frames, on a thread beside the one of the other jobs."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from functools import partial

from ..shared.errors import Cancelled
from ..shared.protocol import Answer, JobCancelled
from ..shared.types import PreviewJob, SegmentationJob
from . import segment
from .open_frames import Frames

FrameJob = SegmentationJob | PreviewJob
Report = Callable[[Answer], None]
IDLE_SECONDS = 60.0  # after which the clip is closed
PATIENCE = 3.0  # seconds that other jobs wait: longer than a job on a frame takes, and shorter than indexing a movie


class Lane:
    """Thread that answers jobs on single frames in the order in which they come."""

    def __init__(self, report: Report, report_error: Callable[[str, Exception], None]) -> None:
        """`report` sends an answer; `report_error` is given the id of a job and the error that it ended with."""
        self._report, self._report_error = report, report_error
        self._jobs: queue.SimpleQueue[FrameJob] = queue.SimpleQueue()
        self._waiting: list[str] = []  # ids of the jobs that wait or run
        self._cancelled: set[str] = set()  # of them
        self._busy_since = 0.0  # on the monotonic clock
        self._idle = threading.Event()
        self._idle.set()
        self._thread = threading.Thread(target=self._run, daemon=True, name="frames")

    def put(self, job: FrameJob) -> None:
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
                self._answer(job, frames, partial(self._cancelled.__contains__, job.job_id))
            except Cancelled:
                self._report(JobCancelled(job.job_id))
            except Exception as error:
                self._report_error(job.job_id, error)
            self._waiting.remove(job.job_id)
            self._cancelled.discard(job.job_id)
            if not self._waiting:
                self._idle.set()

    def _answer(self, job: FrameJob, frames: Frames, cancelled: Callable[[], bool]) -> None:
        if isinstance(job, SegmentationJob):
            segment.run(job, frames, self._report, cancelled)
            return
        from . import preview  # which takes longer to import

        preview.run(job, frames, self._report, cancelled)
