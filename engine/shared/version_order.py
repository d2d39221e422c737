"""Order of version numbers, as Semantic Versioning defines it, and words on data of a newer version."""

from __future__ import annotations

import re

from .. import VERSION
from .text import printable

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


def newer(version: object) -> str:
    """Return a version that is newer than this one, fit to be shown; empty if it is not, or is no version."""
    try:
        is_newer = isinstance(version, str) and precedence(version) > precedence(VERSION)
    except ValueError:
        return ""
    return printable(str(version), 20) if is_newer else ""
