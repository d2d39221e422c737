"""How much an entry is worth keeping: functions from an entry and its age in arrivals to a number."""

from __future__ import annotations

from .entry import Entry


def recency(entry: Entry, age: int) -> float:
    """The newer, the worthier."""
    return -age
