"""Scripts that stand in for the engine and send given messages, and a job to start them with."""

from __future__ import annotations

import time
from pathlib import Path

from keymatte.addon.session import Session
from keymatte.addon.status import State, Status
from keymatte.engine import VERSION
from keymatte.engine.shared.protocol import Finished, JobCancelled, Ready, encode
from keymatte.engine.shared.types import PropagationJob, VideoClip

JOB = PropagationJob("job 1", VideoClip(Path("film.mp4"), 4, 4, 9), range(9), (), Path("out"))
READY = Ready(VERSION, "CPU, 2 threads")


def engine_script(*answers, then: str = "time.sleep(60)") -> str:
    """Return a Python script that stands in for the engine.

    It says that it is ready, waits for a request, sends `answers`, and then runs the code `then`.
    """
    return "\n".join(
        [
            "import sys, time, os",
            "def say(text): sys.stdout.write(text); sys.stdout.flush()",
            f"say({encode(READY)!r})",
            "sys.stdin.readline()",
            *(f"say({encode(answer)!r})" for answer in answers),
            then,
        ]
    )


def pump_until(session: Session, *states: State, seconds: float = 20.0) -> Status:
    """Poll the session, as Blender's timer does, until it is in one of these states. Returns its status."""
    limit = time.monotonic() + seconds
    while session.status.state not in states:
        assert time.monotonic() < limit, (session.status, session.log)
        session.pump()
        time.sleep(0.01)
    return session.status


def answer_cancelled() -> str:
    """Return script lines that wait for the next request, answer it with JobCancelled, and then sleep."""
    return f"sys.stdin.readline(); say({encode(JobCancelled('job 1'))!r}); time.sleep(60)"


def answer_finished() -> str:
    """Return script lines that wait for the next request, answer it with Finished, and then sleep."""
    return f"sys.stdin.readline(); say({encode(Finished('job 1'))!r}); time.sleep(60)"
