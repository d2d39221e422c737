"""Process of the engine that a session has started, for tests that kill it or compare it."""

from __future__ import annotations

from typing import Any


def engine_process_id(session: Any) -> int | None:
    """Return the process id of the session's engine; None if there is none."""
    return session._client.process_id if session._client else None
