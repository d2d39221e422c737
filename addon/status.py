"""Status of the session: current operation, progress, result and problem."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ..engine.shared.errors import EngineError
from ..engine.shared.protocol import Finished


class State(StrEnum):
    """State of the session's current operation, or how the last one ended."""

    IDLE = "idle"
    STARTING = "starting"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Result:
    """What to tell of what was made of a job's result."""

    text: str
    warning: str = ""


@dataclass(frozen=True)
class Problem:
    """Error to show: what went wrong, and what the user can do now."""

    code: str
    message: str
    remedy: str

    @classmethod
    def of(cls, error: EngineError) -> Problem:
        """Return an error as a problem."""
        return cls(error.code, error.message, error.remedy)

    def error(self) -> EngineError:
        """Return the problem as an exception."""
        return EngineError(self.message, remedy=self.remedy)


@dataclass(frozen=True)
class Status:
    """Everything the user interface shows of the session."""

    state: State = State.IDLE
    clip: str = ""  # name of the clip being processed; empty for operations without a clip
    clip_uid: int = 0  # its `session_uid`, which outlives another name, an undo, and a move of its folder
    folder: Path | None = None  # the clip's matte folder, which does not change when the clip is renamed
    job_id: str = ""  # of the job, if it is one; empty for operations without
    text: str = ""  # current stage, or the result
    done: int = 0  # steps done
    total: int = 0  # steps in total; 0: not known yet
    seconds_left: float | None = None
    warning: str = ""
    problem: Problem | None = None
    finished: Finished | None = None  # the engine's answer at the end of the job

    @property
    def busy(self) -> bool:
        """Return whether an operation is running."""
        return self.state in (State.STARTING, State.RUNNING)

    @property
    def is_installation(self) -> bool:
        """Return whether the engine is being installed or removed, which is no job of its own."""
        return self.state is State.RUNNING and not self.job_id

    @property
    def summary(self) -> str:
        """Return the status text, followed by the warning and the note if there are any."""
        return ". ".join(filter(None, (self.text, " ".join(filter(None, (self.warning, self.note))))))

    @property
    def note(self) -> str:
        """Return what the user should know of a job although all was done; empty if there is nothing."""
        return self.finished.note if self.finished else ""

    @property
    def progress(self) -> float:
        """Return the progress, 0..1."""
        return min(max(self.done / self.total, 0.0), 1.0) if self.total > 0 else 0.0


IDLE = Status()


class Pace:
    """Speed of a job, measured from its first step on: this leaves out loading, and steps from before it resumed."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None  # time and number of the first step

    def seconds_left(self, done: int, total: int) -> float | None:
        """Note that `done` of `total` steps are done; return the seconds that the others take, or None if unknown."""
        now = time.monotonic()
        if self._first is None:
            self._first = now, done
        start_time, first_done = self._first
        if done < first_done + 2:
            return None
        return (now - start_time) / (done - first_done) * (total - done)


def progress_text(status: Status) -> str:
    """Return the current stage, its progress in percent, and the time left, as far as they are known."""
    if status.total <= 0:
        return status.text
    text = (
        f"{status.text}: {status.progress:.0%}"  # in percent: a count would mislead, as some frames are visited twice
    )
    return text if status.seconds_left is None else f"{text}, {duration(status.seconds_left)} left"


def duration(seconds: float) -> str:
    """Return a duration as text, such as 12 s, 3:05 min or 1:02 h."""
    rounded = round(seconds)
    if rounded < 60:
        return f"{rounded} s"
    if rounded < 3600:
        return f"{rounded // 60}:{rounded % 60:02d} min"
    return f"{rounded // 3600}:{rounded % 3600 // 60:02d} h"
