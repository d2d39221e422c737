"""Worth functions of `Bounded`: an entry and its age in arrivals -> a score."""

from __future__ import annotations

from .entry import Entry


def recency(entry: Entry, age: int) -> float:
    """Score newer entries higher."""
    return -age
