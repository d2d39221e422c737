"""Reviewed mattes: those that the artist has accepted as they are, until they change."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ..engine.shared.quality import MatteQuality

if TYPE_CHECKING:
    from bpy.types import MovieClip

    from .properties import MatteObject

Marks = Mapping[int, Mapping[int, str]]  # object -> file number -> mark of the matte that was accepted


def mark_of(quality: MatteQuality) -> str:
    """Return by what a matte is known again: the run that made it, and what was measured of it."""
    signals = ",".join(f"{name}={number:.4g}" for name, number in sorted(quality.signals.items()))
    return f"{quality.run}-{zlib.crc32(signals.encode()):08x}"


def texts(clip: MovieClip) -> dict[int, str]:
    """Return what is stored of each object of which mattes are accepted; it changes whenever that does."""
    return {item.object_id: item.accepted for item in clip.matting.objects if item.accepted}


def parse(stored: Mapping[int, str]) -> Marks:
    """Return the marks of the accepted mattes from what `texts` returned; damaged ones are left out."""
    return {object_id: _parsed(text) for object_id, text in stored.items()}


def accept(item: MatteObject, marks: Mapping[int, str]) -> None:
    """Note that mattes of an object are accepted, by file number."""
    _store(item, {**_parsed(item.accepted), **marks})


def withdraw(item: MatteObject, numbers: Iterable[int]) -> None:
    """Let mattes of an object be doubted again."""
    taken = set(numbers)
    _store(item, {number: mark for number, mark in _parsed(item.accepted).items() if number not in taken})


def _store(item: MatteObject, marks: Mapping[int, str]) -> None:
    item.accepted = json.dumps({str(number): mark for number, mark in sorted(marks.items())}) if marks else ""


def _parsed(text: str) -> dict[int, str]:
    try:
        found = json.loads(text) if text else {}
        return {int(number): str(mark) for number, mark in found.items()}
    except (ValueError, AttributeError, RecursionError):
        return {}
