"""Engines that are scripts and say what a test wants, and a job to ask them for."""

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


def says(*answers, then: str = "time.sleep(60)") -> str:
    """Lines of a child that gives these answers to the first request."""
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
    """Do what Blender's timer would do, until the session is in one of these states."""
    limit = time.monotonic() + seconds
    while session.status.state not in states:
        assert time.monotonic() < limit, (session.status, session.log)
        session.pump()
        time.sleep(0.01)
    return session.status


def cancelled_when_asked() -> str:
    """How such a child goes on to say, at the next request, that the job is cancelled."""
    return f"sys.stdin.readline(); say({encode(JobCancelled('job 1'))!r}); time.sleep(60)"


def finished_when_asked() -> str:
    """How such a child goes on to say, at the next line, that the job is finished."""
    return f"sys.stdin.readline(); say({encode(Finished('job 1'))!r}); time.sleep(60)"
