"""The session: one engine process, at most one running operation, and its status."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace
from pathlib import Path

from ..engine.shared.errors import EngineBusy, EngineDied, EngineError
from ..engine.shared.protocol import (
    Answer,
    Cancel,
    Download,
    Failed,
    Finished,
    FitSplines,
    Import,
    JobCancelled,
    MatteJob,
    MatteReady,
    Preview,
    Ready,
    Request,
    Segment,
    SplinesFitted,
    Stage,
    Suggest,
    Suggested,
)
from ..engine.shared.text import printable
from . import environment, outcomes
from .client import EngineClient
from .current_job import MAX_MESSAGE, Check, CurrentJob, OnMatte, OnResult, ignore_mattes
from .frame_jobs import FrameJobs, Receiver
from .installation import Installation
from .status import IDLE, Pace, Problem, Result, State, Status


class Session:
    """Starts jobs, handles the engine's answers, and keeps `status` up to date. Holds no references to bpy data."""

    def __init__(self) -> None:
        self.status = Status()
        self._client: EngineClient | None = None
        self._installation: Installation | None = None
        self._job = CurrentJob()
        self._cancelling = False
        self._frame_jobs = FrameJobs()
        self._pace = Pace()
        self.log: deque[str] = deque()  # last lines of the log of the engine, also of one that has ended

    # -- operations ----------------------------------------------------------------------------------------------------
    def start(
        self, request: MatteJob, clip: str, on_matte: OnMatte = ignore_mattes, what: str = "mattes", *, uid: int = 0
    ) -> None:
        """Start making files of a clip, called `what`, and return at once. Raises EngineBusy, EngineMissing."""
        job = CurrentJob(request.job.job_id, "Done", f"Cancelled: {what} already made are kept", on_matte)
        self._begin(request, job, Status(clip=clip, clip_uid=uid, folder=request.job.folder))

    def ask(
        self, request: Suggest | FitSplines, folder: Path, clip: str, use: OnResult, held: Check = bool, *, uid: int = 0
    ) -> None:
        """Start a job, and return at once; `pump` gives its result to `use` once it is not held, and shows the outcome.

        Raises EngineBusy, EngineMissing.
        """
        job = CurrentJob(request.job.job_id, on_result=use, is_held=held)
        self._begin(request, job, Status(clip=clip, clip_uid=uid, folder=folder))

    def ask_beside(self, request: Segment | Preview, on_answer: Receiver) -> None:
        """Start a job on a single frame beside the running operation, and return at once.

        `pump` calls `on_answer` once. The status does not change. Raises EngineBusy, EngineMissing.
        """
        if self._installation:
            self._expect_idle()
        is_running = self.status.busy and self._client and self._client.alive
        client = self._client if is_running and self._client else self._start_engine()
        self._frame_jobs.expect(request.job.job_id, on_answer)
        client.send(request)

    def install_weights(self, request: Download | Import) -> None:
        """Start installing published weights, and return at once. Raises EngineBusy, EngineMissing."""
        resumes = isinstance(request, Download)
        cancelled = "Cancelled: the partial download is kept, and can be resumed" if resumes else "Cancelled"
        self._begin(request, CurrentJob(request.job_id, f"Model {request.name} is installed", cancelled))

    def test(self) -> None:
        """Restart the engine to see whether it becomes ready, and return at once. Raises EngineBusy, EngineMissing."""
        self._expect_idle()
        self._close_client(at_once=True)
        self._start_engine()
        self._job, self._cancelling = CurrentJob(), False
        self.status = Status(State.STARTING, text="Starting the engine")

    def set_up(self, command: list[str], text: str, done_text: str = "") -> None:
        """Start installing or removing the engine, and return at once. Raises EngineBusy."""
        self._expect_idle()
        self._close_client(at_once=True)  # on some systems, files in use cannot be replaced
        self._job, self._cancelling = CurrentJob(), False
        self._installation = Installation(command, environment.ROOT, done_text)
        self.status = Status(State.RUNNING, text=text)

    def show(self, error: EngineError, uid: int = outcomes.GENERAL) -> None:
        """Show an error that occurred before a job was started, on the clip that it concerns."""
        failed = Status(State.FAILED, clip_uid=uid, problem=Problem.of(error))
        outcomes.keep(failed)
        if not self.status.busy:
            self.status = failed

    def cancel(self) -> None:
        """Cancel the running operation. Files already written are kept."""
        if not self.status.busy or self._cancelling:
            return
        self._cancelling = True
        self.status = replace(self.status, text="Cancelling", seconds_left=None)
        if self._installation:
            child, self._installation = self._installation, None
            child.close()
            self._end(State.CANCELLED, text=child.cancelled_text)
        elif self._job.answer is not None:
            self._end(State.CANCELLED)
        elif self._job.job_id and self._client:
            self._client.send(Cancel(self._job.job_id))
        else:
            self._close_client(at_once=True)
            self._end(State.CANCELLED)

    def reset(self, *, of_clips: bool = False) -> None:
        """Cancel the running operation, ignore its further answers, and clear the status.

        With `of_clips`, an operation that concerns no clip, such as an installation, goes on.
        """
        if of_clips and self.status.busy and not self.status.clip:
            return
        self.cancel()
        if self._client:
            self._client.flush()  # the timer may not run again to send the cancel request
        self._job = CurrentJob()
        self.status = Status()

    def close(self) -> None:
        """Cancel the running operation, and close the engine."""
        self.reset()
        self._close_client()

    @property
    def unanswered(self) -> bool:
        """Return whether the engine has not answered a cancel request yet."""
        return bool(self._client and self._client.cancelling)

    @property
    def answers_due(self) -> bool:
        """Return whether the engine has not answered a job on a single frame yet."""
        return bool(self._frame_jobs)

    # -- answers -------------------------------------------------------------------------------------------------------
    def pump(self) -> bool:
        """Handle all answers that have arrived, without waiting, and return whether the status changed."""
        before = self.status
        self._use_answer()
        if self._installation:
            self._handle_installation(self._installation)
        if self._client:
            client = self._client
            for answer in client.answers():
                self._handle_answer(answer)
            if client is self._client and client.stuck:
                self._close_client(at_once=True)
                if self.status.busy:
                    self._end(State.CANCELLED, text="The engine did not respond and was stopped")
        return self.status != before

    def wait(self, seconds: float = 24 * 3600.0) -> Status:
        """Call `pump` until the operation ends, and return the status. For background mode, where no timer runs.

        Raises EngineError if the operation fails, and EngineDied if it takes longer than `seconds`.
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

    def _handle_answer(self, answer: Answer) -> None:
        self._frame_jobs.handle(answer)
        match answer:
            case Ready(device=device) if not self._job.job_id:
                if self.status.busy:
                    ready = f"Engine {answer.version} is ready, on {printable(device)}"
                    self._end(State.FINISHED, text=ready, warning=printable(answer.note, MAX_MESSAGE))
            case Ready():
                self.status = replace(self.status, text="Starting")
            case Failed(job_id="") as failed:
                self._close_client()  # the failure belongs to no job, so do not reuse this process
                self._fail(failed)
            case _ if answer.job_id == self._job.job_id and self._job.job_id:
                self._handle_job_answer(answer)

    def _handle_job_answer(self, answer: Answer) -> None:
        match answer:
            case Stage(text=text, done=done, total=total) if not self._cancelling:
                self._advance(printable(text), done, total)
            case MatteReady(done=done, total=total) as ready if not self._cancelling:
                self._job.tell(ready)
                self._advance("Propagating", done, total, self._pace.seconds_left(done, total))
            case Finished() as finished:
                text = self._job.done_text
                if finished.frames_done < finished.frames_asked:
                    text = f"Done in part: {finished.frames_done} of {finished.frames_asked} frames have all mattes"
                warning, note = (printable(told, MAX_MESSAGE) for told in (finished.warning, finished.note))
                self.status = replace(self.status, finished=replace(finished, note=note))
                self._end(State.FINISHED, text=text, warning=warning)
            case Suggested() | SplinesFitted():
                self._job.answer = answer
                self._use_answer()
            case JobCancelled():
                self._end(State.CANCELLED, text=self._job.cancelled_text)
            case Failed() as failed:
                self._fail(failed)

    def _use_answer(self) -> None:
        """Use the answer that a job has ended with, unless it has to wait."""
        match self._job.use_answer():
            case Problem() as problem:
                self._end(State.FAILED, problem=problem)
            case Result(text=text, warning=warning):
                self._end(State.FINISHED, text=text, warning=warning)

    def _advance(self, text: str, done: int, total: int, left: float | None = None) -> None:
        self.status = replace(self.status, state=State.RUNNING, text=text, done=done, total=total, seconds_left=left)

    def _handle_installation(self, child: Installation) -> None:
        for line in child.received():
            if line is not None:
                self.status = child.shown(self.status, line)
                continue
            status, self._installation = child.exit_status, None
            child.close()
            if status == 0:
                self._end(State.FINISHED, text=child.done_text or self.status.text)
            else:
                self._fail(child.failure)

    def _fail(self, failed: Failed) -> None:
        if self._cancelling and self.status.busy:  # a job that fails while being cancelled counts as cancelled
            self._end(State.CANCELLED, text="Cancelled")
        elif self.status.busy:
            message, remedy = (printable(text, MAX_MESSAGE) for text in (failed.message, failed.remedy))
            self._end(State.FAILED, problem=Problem(failed.code, message, remedy))

    def _end(self, state: State, *, text: str = "", warning: str = "", problem: Problem | None = None) -> None:
        self._job = CurrentJob()
        self.status = replace(self.status, state=state, text=text, seconds_left=None, warning=warning, problem=problem)
        outcomes.keep(self.status)

    # -- the engine ----------------------------------------------------------------------------------------------------
    def _begin(self, request: Request, job: CurrentJob, status: Status = IDLE) -> None:
        self._expect_idle()
        client = self._start_engine()
        outcomes.drop(outcomes.GENERAL)  # it is old news now
        self._job, self._cancelling, self._pace = job, False, Pace()
        client.send(request)
        text = "Starting" if client.ready else "Starting the engine"
        self.status = replace(status, state=State.STARTING, job_id=job.job_id, text=text)

    def _expect_idle(self) -> None:
        if self.status.busy:
            raise EngineBusy(f"another operation is already running ({self.status.text})")

    def _start_engine(self) -> EngineClient:
        """Return the client of the running engine, starting a new engine if needed.

        An engine that is dead, is still cancelling, or was started with another command is replaced.
        """
        command = environment.engine_command()
        if self._client and (
            self._client.cancelling or not self._client.alive or self._client.command != tuple(command)
        ):
            self._close_client(at_once=True)
        if self._client is None:
            self._client = EngineClient(command, environment.ROOT)
            self.log = self._client.log
        return self._client

    def _close_client(self, *, at_once: bool = False) -> None:
        if self._client:
            client, self._client = self._client, None
            (client.kill if at_once else client.close)()
        self._frame_jobs.drop()


session = Session()
