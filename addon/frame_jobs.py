"""Jobs on single frames that the engine has not answered yet; they run beside the session's operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..engine.shared.errors import EngineDied
from ..engine.shared.protocol import Answer, Failed, Previewed, Segmented

Receiver = Callable[[Any], None]  # takes Segmented, Previewed or Failed
_CLOSED = Failed("", EngineDied.code, "the engine was stopped", "Try again.")


class FrameJobs:
    """The unanswered jobs, and who receives their answers."""

    def __init__(self) -> None:
        self._receivers: dict[str, Receiver] = {}  # by the id of the job

    def __len__(self) -> int:
        return len(self._receivers)

    def expect(self, job_id: str, receiver: Receiver) -> None:
        """Call `receiver` once, with the answer to a job or with the reason why there is none."""
        self._receivers[job_id] = receiver

    def handle(self, answer: Answer) -> None:
        """Pass on an answer if it ends one of the jobs, or all of them because the engine has failed."""
        match answer:
            case Segmented(job_id=job_id) | Previewed(job_id=job_id) | Failed(job_id=job_id) if (
                job_id in self._receivers
            ):
                self._receivers.pop(job_id)(answer)
            case Failed(job_id="") as failed:
                self.drop(failed)

    def drop(self, because: Failed = _CLOSED) -> None:
        """End all jobs, since their engine will not answer any longer."""
        receivers, self._receivers = self._receivers, {}
        for receiver in receivers.values():
            receiver(because)
