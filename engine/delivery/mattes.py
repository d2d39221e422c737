"""Mattes to deliver: the one place that says which image is the final matte of an object on a frame."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from ..media.label_images import read_matte
from ..shared.errors import MatteUnreadable
from ..shared.matte_folder import MatteFolder, is_number


def final_matte(folder: MatteFolder, object_id: int, number: int) -> np.ndarray | None:
    """Return an object's final matte on a frame, alpha (H, W) float32 of 0..1; None if it has none.

    Raises MatteUnreadable.
    """
    path = _final(folder, object_id, number)
    return read_matte(path) if path.exists() else None


def matte_stamp(folder: MatteFolder, object_id: int, number: int) -> str:
    """Return what tells an object's final matte on a frame from others, by its content; empty if it has none.

    Raises MatteUnreadable.
    """
    path = _final(folder, object_id, number)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise MatteUnreadable(f"matte {path} cannot be read ({error.strerror})") from error
    return f"{len(data)}-{zlib.crc32(data):08x}"


def matted_numbers(folder: MatteFolder, object_id: int) -> set[int]:
    """Return the numbers of the frames on which an object has a final matte."""
    return {int(path.stem) for path in folder.matte_sequence(object_id).glob("*.png") if is_number(path.stem)}


def _final(folder: MatteFolder, object_id: int, number: int) -> Path:
    return folder.matte(object_id, number)
