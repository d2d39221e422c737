"""Looks of a job's clip: found by reading its frames once, and kept in the user's cache for later jobs."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

from ..media.frames import FrameReader
from ..media.kept_files import keep
from ..media.looks import LookFinder, Looks
from ..shared.arrays import ArrayDamaged, read_npz
from .clip_identity import identify

_log = logging.getLogger(__name__)
_VERSION = 2  # raised when other looks are found
_MAX_KEPT = 256  # clips
_FRAMES_PER_REPORT = 8

ReadFrame = Callable[[int], NDArray[np.uint8] | None]  # media frame -> (H, W, 3) uint8 RGB; None: unreadable


def find_looks(
    reader: FrameReader,
    frames: range,
    read: ReadFrame,
    report: Callable[[int, int], None],
) -> Looks:
    """Return the looks of the media `frames` of a clip, from the user's cache or by reading the frames.

    `read` returns None for a frame that cannot be read; `report` is called with the frames read and their number.
    """
    file = _kept_file(reader)
    kept = _read_kept(file) if file.is_file() else None
    if kept and kept.frames.start <= frames.start and frames.stop <= kept.frames.stop:
        return kept
    finder = LookFinder(frames.start)
    is_whole = True
    for done, frame in enumerate(frames, 1):
        pixels = read(frame)
        finder.add(pixels)
        is_whole &= pixels is not None
        if done % _FRAMES_PER_REPORT == 0 or done == len(frames):
            report(done, len(frames))
    looks = finder.looks()
    if is_whole:  # a frame that cannot be read now may be there next time
        keep(file, _arrays(looks), _log, at_most=_MAX_KEPT)
    return looks


def _kept_file(reader: FrameReader) -> Path:
    clip = reader.clip
    identity = [_VERSION, identify(reader), clip.fps, clip.upright]
    name = hashlib.sha256(repr(identity).encode()).hexdigest()[:32]
    return platformdirs.user_cache_path("keymatte", appauthor=False) / "looks" / f"{name}.npz"


def _arrays(looks: Looks) -> dict[str, NDArray[np.generic]]:
    return {
        "start": np.array([looks.start], np.int64),
        "cuts": np.array(looks.cuts, np.int64),
        "repeats": looks.repeats,
        "faint": looks.faint,
        "flat": looks.flat,
    }


def _read_kept(file: Path) -> Looks | None:
    try:
        arrays = read_npz(file, "start", "cuts", "repeats", "faint", "flat")
        repeats, faint, flat = arrays["repeats"], arrays["faint"], arrays["flat"]
        if not repeats.shape == faint.shape == flat.shape or repeats.ndim != 1:
            return None
        if any(array.dtype != np.bool_ for array in (repeats, faint, flat)):
            return None
        looks = Looks(int(arrays["start"][0]), tuple(arrays["cuts"].astype(int).tolist()), repeats, faint, flat)
    except (ArrayDamaged, OSError, LookupError, ValueError) as error:
        _log.info("kept looks %s are ignored: %s", file, error)
        return None
    return looks if all(cut in looks.frames for cut in looks.cuts) else None
