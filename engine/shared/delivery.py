"""Delivery: which files are made of a clip's mattes, for other programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .types import VideoClip


@dataclass(frozen=True)
class DeliveredObject:
    """Object that is delivered, by the name that the user has given it."""

    object_id: int
    name: str


@dataclass(frozen=True)
class ExportJob:
    """Parameters of a job that writes files for other programs."""

    job_id: str
    clip: VideoClip
    folder: Path  # of the mattes, see `matte_folder`
    frames: range  # media frames
    objects: tuple[DeliveredObject, ...]  # the first is in front
    out: Path  # folder for the files
