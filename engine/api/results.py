"""What the functions of the Python interface return."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..shared.matte_folder import MatteFolder
from .arguments import whole

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Mattes:
    """Mattes of a clip that are on disk. Frames are named by the numbers in their files' names."""

    folder: Path
    objects: tuple[int, ...]
    frames: tuple[int, ...]  # that have a label image, ascending
    warning: str = ""  # what could not be done; empty if nothing is amiss
    note: str = ""
    frames_per_second: float = 0.0  # steps per second, without loading and keyframes
    peak_memory: int = 0  # bytes of main memory; 0 where the system does not report it

    def matte(self, object_id: int, frame: int) -> np.ndarray:
        """Read the soft matte of an object on a frame, (H, W) float32 0..1. Raises MatteUnreadable."""
        from ..media.label_images import read_matte

        return read_matte(MatteFolder(self.folder).matte(whole("object_id", object_id), whole("frame", frame)))

    def labels(self, frame: int) -> np.ndarray:
        """Read the label image of a frame, (H, W) uint8: each pixel's object. Raises KeyframeUnreadable."""
        from ..media.label_images import read_labels

        return read_labels(MatteFolder(self.folder).labels(whole("frame", frame)))


@dataclass(frozen=True)
class Suggestion:
    """Frame on which a keyframe would help."""

    frame: int  # number in its file's name
    score: float  # comparable among frames with the same reason only
    object_id: int | None  # that needs it most; None: none in particular
    reason: str  # in words
