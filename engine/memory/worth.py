"""Functions that rate the worth of an entry of a given age, for the store `Bounded`."""

from __future__ import annotations

from .entry import Entry


def recency(entry: Entry, age: int) -> float:
    """Rate newer entries higher."""
    return -age
