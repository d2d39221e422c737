"""The session: one engine process, the one running job, and what there is to say about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ..engine.shared.errors import EngineBusy, EngineDied, EngineError, EnvironmentFailed
from ..engine.shared.protocol import (
    Answer,
    Cancel,
    Download,
    Failed,
    Finished,
    Import,
    JobCancelled,
    MatteReady,
    Propagate,
    Ready,
    Request,
    Stage,
    Suggest,
    Suggested,
)
from ..engine.shared.types import PropagationJob, SuggestionJob
from . import environment
from .client import ChildProcess, EngineClient
from .status import Problem, State, Status


@dataclass(frozen=True)
class _Job:
    """What the engine was asked for, and what is said when it ends."""

    job_id: str = ""  # empty: nothing was asked for
    done: str = "Done"
    cancelled: str = "Cancelled"
    take: Callable[[Suggested], str] | None = None  # what to do with suggestions; says in words what came of them


class Session:
    """Starts jobs, listens to the engine, and keeps `status` up to date. Holds nothing of bpy's but names."""

    def __init__(self) -> None:
        self.status = Status()
        self._client: EngineClient | None = None
        self._installation: ChildProcess | None = None
        self._job = _Job()
        self._cancelling = False
        self._first_step: tuple[float, int] | None = None  # when the first matte was ready, and which: as pace counts

    # -- what a user may ask -------------------------------------------------------------------------------------------
    def start(self, job: PropagationJob, clip: str) -> None:
        """Begin to make mattes of the clip of that name; returns at once. Raises EngineBusy, EngineMissing."""
        told = _Job(job.job_id, cancelled="Cancelled: mattes already made are kept")
        self._begin(Propagate(job), told, clip=clip, folder=job.folder)

    def suggest(self, job: SuggestionJob, clip: str, take: Callable[[Suggested], str]) -> None:
        """Begin to look for frames to mark next, for `take` to take; returns at once. Raises EngineBusy, EngineMissing.

        `take` is called by `pump` when they are found, and says in words what came of them.
        """
        self._begin(Suggest(job), _Job(job.job_id, take=take), clip=clip, folder=job.masks.parent)

    def install_weights(self, request: Download | Import) -> None:
        """Begin to install published weights; returns at once. Raises EngineBusy, EngineMissing."""
        resumes = isinstance(request, Download)
        cancelled = "Cancelled: what was downloaded is kept, to go on from" if resumes else "Cancelled"
        self._begin(request, _Job(request.job_id, f"Weights {request.name} are installed", cancelled))

    def test(self) -> None:
        """Begin to start the engine anew and wait for its greeting; returns at once."""
        self._expect_idle()
        self._close_client(at_once=True)
        self._start_engine()
        self._job, self._cancelling = _Job(), False
        self.status = Status(State.STARTING, text="Starting the engine")

    def install(self) -> None:
        """Begin to install the engine; returns at once. Raises EngineBusy, Offline."""
        self._expect_idle()
        command = environment.install_command()
        self._close_client(at_once=True)  # on some systems files in use cannot be replaced
        self._job, self._cancelling = _Job(), False
        self._installation = _Installation(command, environment.ROOT)
        self.status = Status(State.RUNNING, text="Installing the engine")

    def show(self, error: EngineError) -> None:
        """Show an error that came before anything was started."""
        if not self.status.busy:
            problem = Problem(error.code, error.message, error.remedy)
            self.status = Status(State.FAILED, problem=problem)

    def cancel(self) -> None:
        """Stop what is running; what is already written stays."""
        if not self.status.busy or self._cancelling:
            return
        self._cancelling = True
        self.status = replace(self.status, text="Cancelling", seconds_left=None)
        if self._installation:
            self._installation.close()
            self._installation = None
            self._end(State.CANCELLED, text="Installation cancelled")
        elif self._job.job_id and self._client:
            self._client.send(Cancel(self._job.job_id))
        else:
            self._close_client(at_once=True)
            self._end(State.CANCELLED)

    def forget(self) -> None:
        """Drop what is running without a word."""
        self.cancel()
        if self._client:
            self._client.flush()  # nobody may listen any more
        self._job = _Job()
        self.status = Status()

    def forget_clip(self) -> None:
        """Another file is loaded: drop what is running for a clip, and what was said. Installing goes on."""
        if self.status.clip or not self.status.busy:
            self.forget()

    def close(self) -> None:
        """End the engine."""
        self.forget()
        self._close_client()

    @property
    def engine_process_id(self) -> int | None:
        """Process id of the engine, if there is one."""
        return self._client.process_id if self._client else None

    @property
    def unanswered(self) -> bool:
        """Whether the engine has not answered a cancel yet."""
        return bool(self._client and self._client.cancelling)

    @property
    def log(self) -> list[str]:
        """The last lines of the engine's log."""
        return list(self._client.log) if self._client else []

    # -- listening -----------------------------------------------------------------------------------------------------
    def pump(self) -> bool:
        """Take in what has arrived, without waiting; whether anything changed."""
        before = self.status
        if self._installation:
            self._hear_installation(self._installation)
        if self._client:
            client = self._client
            for answer in client.answers():
                self._hear(answer)
            if client is self._client and client.stuck:
                self._close_client(at_once=True)
                if self.status.busy:
                    self._end(State.CANCELLED, text="The engine did not answer and was ended")
        return self.status != before

    def wait(self, seconds: float = 24 * 3600.0) -> Status:
        """Pump until nothing runs any more: for background mode, where Blender's timers never fire.

        Raises the problem as an EngineError if it failed, and EngineDied if it takes longer than `seconds`.
        """
        limit = time.monotonic() + seconds
        while self.status.busy:
            self.pump()
            if time.monotonic() > limit:
                raise EngineDied(f"the engine did not finish within {seconds:.0f} s")
            time.sleep(0.01)
        if self.status.problem:
            raise self.status.problem.error()
        return self.status

    def _hear(self, answer: Answer) -> None:
        match answer:
            case Ready(device=device) if not self._job.job_id:
                if self.status.busy:
                    self._end(State.FINISHED, text=f"Engine {answer.version} is ready, on {device}")
            case Ready():
                self.status = replace(self.status, text="Starting")
            case Failed(job_id="") as failed:
                self._close_client()  # whatever it was, it was not a job: do not trust this process again
                self._fail(failed)
            case _ if answer.job_id == self._job.job_id and self._job.job_id:
                self._hear_of_job(answer)

    def _hear_of_job(self, answer: Answer) -> None:
        match answer:
            case Stage(text=text, done=done, total=total) if not self._cancelling:
                self.status = replace(
                    self.status, state=State.RUNNING, text=text, done=done, total=total, seconds_left=None
                )
            case MatteReady(done=done, total=total) if not self._cancelling:
                left = self._seconds_left(done, total)
                self.status = replace(
                    self.status, state=State.RUNNING, text="Propagating", done=done, total=total, seconds_left=left
                )
            case Finished() as finished:
                self._end(State.FINISHED, text=self._job.done, warning=finished.warning)
                self.status = replace(self.status, finished=finished)
            case Suggested() as found:
                self._end(State.FINISHED, text=self._job.take(found))
            case JobCancelled():
                self._end(State.CANCELLED, text=self._job.cancelled)
            case Failed() as failed:
                self._fail(failed)

    def _hear_installation(self, child: ChildProcess) -> None:
        for line in child.received():
            if line is not None:
                self.status = replace(self.status, text=line.strip())
                continue
            status = child.exit_status
            self._installation = None
            child.close()
            if status == 0:
                self._end(State.FINISHED, text="The engine is installed")
            else:
                words = next((line for line in reversed(child.log) if line.strip()), f"status {status}")
                self._fail(Failed("", EnvironmentFailed.code, words, EnvironmentFailed.default_remedy))

    def _fail(self, failed: Failed) -> None:
        if self._cancelling and self.status.busy:  # a cancelled job that breaks off is a cancelled job
            self._end(State.CANCELLED, text="Cancelled")
        elif self.status.busy:
            self._end(State.FAILED, problem=Problem(failed.code, failed.message, failed.remedy))

    def _end(self, state: State, *, text: str = "", warning: str = "", problem: Problem | None = None) -> None:
        self._job = _Job()
        self.status = replace(self.status, state=state, text=text, seconds_left=None, warning=warning, problem=problem)

    def _seconds_left(self, done: int, total: int) -> float | None:
        now = time.monotonic()
        if self._first_step is None:
            self._first_step = now, done  # loading, and what an interrupted job did, are not counted
        began, first = self._first_step
        if done < first + 2:
            return None
        return (now - began) / (done - first) * (total - done)

    # -- the engine ----------------------------------------------------------------------------------------------------
    def _begin(self, request: Request, job: _Job, *, clip: str = "", folder: Path | None = None) -> None:
        self._expect_idle()
        self._start_engine()
        self._job, self._cancelling, self._first_step = job, False, None
        self._client.send(request)
        text = "Starting" if self._client.ready else "Starting the engine"
        self.status = Status(State.STARTING, clip=clip, folder=folder, text=text)

    def _expect_idle(self) -> None:
        if self.status.busy:
            raise EngineBusy(f"something is running already ({self.status.text})")

    def _start_engine(self) -> None:
        command = environment.engine_command()
        if self._client and (
            self._client.cancelling or not self._client.alive or self._client.command != tuple(command)
        ):
            self._close_client(at_once=True)
        if self._client is None:
            self._client = EngineClient(command, environment.ROOT)

    def _close_client(self, *, at_once: bool = False) -> None:
        if self._client:
            client, self._client = self._client, None
            if at_once:
                client.kill()
            else:
                client.close()


class _Installation(ChildProcess):
    """The process that installs the engine: lines of progress, and None at its end."""

    def take_end(self) -> None:
        self._inbox.put(None)


session = Session()
