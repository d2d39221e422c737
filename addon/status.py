"""What there is to say about the session: what it does, how far it is, what went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ..engine.shared.errors import EngineError
from ..engine.shared.protocol import Finished


class State(StrEnum):
    """What the session is doing, or how the last thing it did ended."""

    IDLE = "idle"
    STARTING = "starting"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Problem:
    """What went wrong, and what to do now."""

    code: str
    message: str
    remedy: str

    def error(self) -> EngineError:
        """The same as an exception."""
        return EngineError(self.message, remedy=self.remedy)


@dataclass(frozen=True)
class Status:
    """All that can be shown of the session."""

    state: State = State.IDLE
    clip: str = ""  # name of the clip in work; empty for other work
    folder: Path | None = None  # its matte folder, made or read; it stays the same when the clip is renamed
    text: str = ""  # what it does now, or what came of it
    done: int = 0  # steps
    total: int = 0  # steps; 0: not known yet
    seconds_left: float | None = None
    warning: str = ""
    problem: Problem | None = None
    finished: Finished | None = None  # what the engine said of the job at its end

    @property
    def busy(self) -> bool:
        """Whether something is running."""
        return self.state in (State.STARTING, State.RUNNING)

    @property
    def summary(self) -> str:
        """What came of it, with a warning if there is one."""
        return f"{self.text}. {self.warning}" if self.warning else self.text

    @property
    def progress(self) -> float:
        """0..1."""
        return self.done / self.total if self.total else 0.0


def progress_text(status: Status) -> str:
    """What runs, how far it is, and how long it will take."""
    if not status.total:
        return status.text
    text = f"{status.text}: {status.progress:.0%}"  # not a count: a frame is met once from each side
    return text if status.seconds_left is None else f"{text}, {duration(status.seconds_left)} left"


def duration(seconds: float) -> str:
    """12 s, 3:05 min, 1:02 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"
