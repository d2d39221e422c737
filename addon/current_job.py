"""The job that the engine is running for the session: what to do with its answers, and the texts to show at its end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..engine.shared.errors import EngineError
from ..engine.shared.protocol import MatteReady, SplinesFitted, Suggested
from ..engine.shared.text import printable
from .status import Problem, Result

OnMatte = Callable[[MatteReady], None]  # takes what a job tells of the mattes that it has written
OnResult = Callable[[Any], Result]  # uses the answer that ends a job; may raise EngineError
Check = Callable[[], bool]
MAX_MESSAGE = 1000  # characters that are shown of a problem

_log = logging.getLogger(__name__)


def ignore_mattes(ready: MatteReady) -> None:
    """Take what a job tells of a matte that it has written, and do nothing."""


def unexpected(error: Exception) -> EngineError:
    """Return the error to show for one that is a mistake in Keymatte, and write where it occurred to the log."""
    _log.error("unexpected error", exc_info=error)
    return EngineError(
        f"Keymatte has made a mistake ({printable(f'{type(error).__name__}: {error}', MAX_MESSAGE)})",
        remedy="Your keyframes and mattes are on the disk. Try again, and report the lines in the system console.",
    )


@dataclass
class CurrentJob:
    """Job that the engine is running, or has just ended."""

    job_id: str = ""  # empty: no job
    done_text: str = "Done"
    cancelled_text: str = "Cancelled"
    on_matte: OnMatte = ignore_mattes
    on_result: OnResult | None = None
    is_held: Check = lambda: False  # whether the answer has to wait before it is used
    answer: Suggested | SplinesFitted | None = None  # that has ended the job, and is not used yet

    def tell(self, ready: MatteReady) -> None:
        """Tell of a matte that was written. A mistake of what is told must not end the run."""
        try:
            self.on_matte(ready)
        except Exception:
            _log.exception("what was told of a matte could not be used")

    def use_answer(self) -> Result | Problem | None:
        """Use the answer that has ended the job, and return what to show; None if there is none, or it has to wait."""
        if self.answer is None or self.on_result is None or self.is_held():
            return None
        answer, self.answer = self.answer, None
        try:
            told = self.on_result(answer)
        except EngineError as error:
            return Problem.of(error)
        except Exception as error:  # a mistake in Keymatte, after which the session must be free all the same
            return Problem.of(unexpected(error))
        return Result(printable(told.text, MAX_MESSAGE), printable(told.warning, MAX_MESSAGE))
