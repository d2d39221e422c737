"""Worth functions of `Bounded`: an entry and its age -> a score."""

from __future__ import annotations

from .entry import Entry


def recency(entry: Entry, age: int) -> float:
    """Return a score by which `Bounded` keeps the newest entries."""
    return -age
