"""The engine process: requests on stdin, answers on stdout, log on stderr; ends when stdin ends."""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
from functools import partial
from typing import TextIO

from .. import VERSION
from ..shared.errors import BadMessage, EngineError
from ..shared.protocol import (
    Answer,
    Cancel,
    Download,
    Failed,
    Import,
    JobCancelled,
    Propagate,
    Ready,
    Request,
    Suggest,
    decode,
    encode,
)

_log = logging.getLogger(__name__)
_PATIENCE = 10.0  # seconds after stdin ended in which the frame in work may still be finished


def serve() -> None:
    """Answer requests until stdin ends."""
    answers = _private_stdout()
    server = _Server(answers)
    threading.Thread(target=server.listen, daemon=True).start()
    server.work()


def _private_stdout() -> TextIO:
    """A stream to the real stdout; whatever any library prints from now on goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return answers


class _Server:
    """One job at a time, in the order they came."""

    def __init__(self, answers: TextIO) -> None:
        self._answers = answers
        self._speaking = threading.Lock()
        self._jobs: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._cancelled: set[str] = set()
        self._ended = False

    def listen(self) -> None:
        """Read requests as they come; the worker looks at what they left between two frames."""
        try:
            for line in sys.stdin.buffer:
                if line.strip():
                    self._take(line.decode("utf-8", errors="replace"))
        finally:  # whatever happens: an engine that hears no more must end
            self._ended = True
            self._jobs.put(None)
            timer = threading.Timer(_PATIENCE, os._exit, args=(0,))
            timer.daemon = True
            timer.start()

    def _take(self, line: str) -> None:
        try:
            match decode(line):
                case Propagate() | Suggest() | Download() | Import() as request:
                    self._jobs.put(request)
                case Cancel(job_id=job_id):
                    self._cancelled.add(job_id)
                case other:
                    raise BadMessage(f"{type(other).__name__} is no request")
        except EngineError as error:
            self._say(Failed("", error.code, error.message, error.remedy))
        except Exception as error:  # nested too deep, and what else a line may hold
            refused = BadMessage(f"a request cannot be read: {error!r}")
            self._say(Failed("", refused.code, refused.message, refused.remedy))

    def work(self) -> None:
        """Load what is heavy, say Ready, and do jobs until stdin ends."""
        from ..runtime.device import describe, pick_device
        from . import install_weights, propagate, suggest

        self._say(Ready(VERSION, describe(pick_device("auto"))))
        while (request := self._jobs.get()) is not None:
            job_id = request.job.job_id if isinstance(request, Propagate | Suggest) else request.job_id
            try:
                if self._stopped(job_id):
                    self._say(JobCancelled(job_id))
                    continue
                match request:
                    case Propagate():
                        propagate.run(request.job, self._say, partial(self._stopped, job_id))
                    case Suggest():
                        suggest.run(request.job, self._say, partial(self._stopped, job_id))
                    case Download() | Import():
                        install_weights.run(request, self._say, partial(self._stopped, job_id))
            except EngineError as error:
                self._say(Failed(job_id, error.code, error.message, error.remedy))
            except Exception as error:
                _log.exception("job %s failed", job_id)
                self._say(Failed(job_id, "engine-fault", f"The engine failed: {error!r}", "See the engine log."))
            finally:
                self._cancelled.discard(job_id)  # the same job may be asked for again

    def _stopped(self, job_id: str) -> bool:
        return self._ended or job_id in self._cancelled

    def _say(self, answer: Answer) -> None:
        with self._speaking:
            try:
                self._answers.write(encode(answer))
                self._answers.flush()
            except (BrokenPipeError, ValueError):  # whoever asked has gone
                self._ended = True
