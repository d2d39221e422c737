"""Engine process: reads requests from stdin, runs jobs, and writes answers to stdout; logs go to stderr."""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
from functools import partial
from typing import TextIO

from .. import VERSION
from ..shared.errors import BadMessage, EngineBusy, EngineError
from ..shared.lines import bounded_lines
from ..shared.protocol import (
    Answer,
    Cancel,
    Download,
    Export,
    Failed,
    FitSplines,
    Import,
    JobCancelled,
    JobRequest,
    Preview,
    Propagate,
    Ready,
    Refine,
    Request,
    Segment,
    Suggest,
    decode,
    encode,
)
from ..shared.setup_errors import unloadable
from ..shared.text import printable
from .lane import Lane

_log = logging.getLogger(__name__)
_MAX_REQUEST = 32 << 20  # bytes of a line; a keyframe takes about 100
_MAX_WAITING = 100  # jobs
_FIRST_SECONDS = 0.1  # for the first request, before PyTorch is imported
_MAX_SHUTDOWN_SECONDS = 10.0  # after stdin ended, for the frame that is being computed


def serve() -> int:
    """Run the jobs requested on stdin, until stdin ends. Return 0, or 2 if PyTorch cannot be loaded."""
    answers = _private_stdout()
    server = _Server(answers)
    threading.Thread(target=server.read_requests, daemon=True).start()
    return server.run_jobs()


def _private_stdout() -> TextIO:
    """Return a stream to stdout for answers alone; whatever libraries print from now on goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return answers


class _Server:
    """Runs one job at a time, in the order of the requests, and jobs on single frames beside them."""

    def __init__(self, answers: TextIO) -> None:
        self._answers = answers
        self._write_lock = threading.Lock()
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._waiting: list[str] = []  # ids of the jobs that wait or run
        self._cancelled: set[str] = set()  # of them
        self._ended = False
        self._begun = threading.Event()  # a request has arrived, or none will
        self._frame_lane = Lane(self._send, self._send_error)

    def read_requests(self) -> None:
        """Queue requests and note cancellations as they arrive; runs in its own thread until stdin ends."""
        try:
            # A stream of its own: Python aborts if it ends while this thread holds the lock of sys.stdin.
            with os.fdopen(os.dup(0), "rb") as stream:
                for line in bounded_lines(stream, _MAX_REQUEST):
                    if line.strip():
                        self._handle(line)
                        self._begun.set()
        finally:  # also after an error, since an engine without input must end
            self._ended = True
            self._begun.set()
            self._requests.put(None)
            timer = threading.Timer(_MAX_SHUTDOWN_SECONDS, os._exit, args=(0,))
            timer.daemon = True
            timer.start()

    def _handle(self, line: bytes) -> None:
        """Queue a request or note a cancellation; answer anything else with Failed."""
        try:
            if len(line) > _MAX_REQUEST:
                raise BadMessage(f"a request is longer than {_MAX_REQUEST} bytes")
            match decode(line):
                case request if isinstance(request, JobRequest | Download | Import):
                    self._queue(request)
                case Cancel(job_id=job_id):
                    self._frame_lane.cancel(job_id)
                    if job_id in self._waiting:  # else the job has ended
                        self._cancelled.add(job_id)
                case message:
                    raise BadMessage(f"{type(message).__name__} is not a request")
        except EngineError as error:
            self._send(Failed("", error.code, error.message, error.remedy))
        except Exception as error:  # such as MemoryError
            refused = BadMessage(f"a request cannot be read: {printable(repr(error))}")
            self._send(Failed("", refused.code, refused.message, refused.remedy))

    def _queue(self, request: Request) -> None:
        """Let a job wait for its turn, or answer with Failed if too many wait already."""
        job_id = _job_id(request)
        if len(self._waiting) + len(self._frame_lane) >= _MAX_WAITING:
            self._send_error(job_id, EngineBusy(f"{_MAX_WAITING} jobs are waiting already"))
        elif isinstance(request, Segment | Preview):
            self._frame_lane.put(request.job)
        else:
            self._waiting.append(job_id)
            self._requests.put(request)

    def run_jobs(self) -> int:
        """Send Ready after importing PyTorch, then run the queued jobs until stdin ends.

        If the engine was started for a single frame, this is answered first, as importing takes two seconds of the CPU.
        Returns 0, or 2 if PyTorch cannot be loaded.
        """
        self._begun.wait(_FIRST_SECONDS)
        self._frame_lane.give_way()
        try:
            from ..runtime.device import describe, pick_device
            from ..runtime.unused_gpu import why_processor
            from . import export, install_weights, propagate, refine, splines, suggest
        except (ImportError, OSError) as error:
            self._send_error("", unloadable(error))
            return 2
        device = pick_device("auto")
        self._send(Ready(VERSION, describe(device), why_processor(device)))
        while (request := self._requests.get()) is not None:
            job_id = _job_id(request)
            try:
                if self._is_cancelled(job_id):
                    self._send(JobCancelled(job_id))
                    continue
                match request:
                    case Propagate():
                        propagate.run(request.job, self._send, partial(self._is_cancelled, job_id))
                    case Suggest():
                        suggest.run(request.job, self._send, partial(self._is_cancelled, job_id))
                    case Refine():
                        refine.run(request.job, self._send, partial(self._is_cancelled, job_id))
                    case FitSplines():
                        splines.run(request.job, self._send, partial(self._is_cancelled, job_id))
                    case Export():
                        export.run(request.job, self._send, partial(self._is_cancelled, job_id))
                    case Download() | Import():
                        install_weights.run(request, self._send, partial(self._is_cancelled, job_id))
            except Exception as error:
                self._send_error(job_id, error)
            finally:
                self._waiting.remove(job_id)
                self._cancelled.discard(job_id)  # the same job may be requested again
        return 0

    def _is_cancelled(self, job_id: str) -> bool:
        """Return whether a job was cancelled.

        Jobs ask for each frame. Jobs on single frames, for which the user waits, go before the next frame.
        """
        self._frame_lane.give_way()
        return self._ended or job_id in self._cancelled

    def _send_error(self, job_id: str, error: Exception) -> None:
        """Answer a job with Failed, and log an error that is not one of the user's."""
        if isinstance(error, EngineError):
            self._send(Failed(job_id, error.code, error.message, error.remedy))
            return
        _log.error("job %s failed", job_id, exc_info=error)
        message = f"The engine failed: {printable(repr(error))}"
        self._send(Failed(job_id, "engine-fault", message, "See the engine log."))

    def _send(self, answer: Answer) -> None:
        with self._write_lock:
            try:
                self._answers.write(encode(answer))
                self._answers.flush()
            except (OSError, ValueError):  # the parent process has ended
                self._ended = True


def _job_id(request: Request) -> str:
    """Return the id of the job that is requested."""
    return request.job.job_id if isinstance(request, JobRequest) else request.job_id
