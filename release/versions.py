"""Order of version numbers, as Semantic Versioning defines it."""

from __future__ import annotations

import re

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?", re.ASCII)

Precedence = tuple[tuple[int, int, int], bool, tuple[tuple[bool, int, str], ...]]


def precedence(version: str) -> Precedence:
    """Return a key that sorts versions from old to new: 0.2.0-beta is before 0.2.0. Raises ValueError."""
    match = _VERSION.fullmatch(version)
    if match is None:
        raise ValueError(f"{version!r} is no version such as 0.2.0")
    major, minor, patch, stage = match.groups()
    words = tuple(
        (not word.isdigit(), int(word) if word.isdigit() else 0, word) for word in (stage.split(".") if stage else ())
    )
    return (int(major), int(minor), int(patch)), stage is None, words
