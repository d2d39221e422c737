"""Delivered image files: PNG of 8 and 16 bits, and EXR with layers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import OpenEXR

from ..shared.errors import DiskFull, FolderNotWritable

_PNG_LEVEL = 3  # of 9: twice as fast as 6, and mattes are hardly larger
_LITTLE = 64 << 20  # bytes free, below which a disk counts as full


def write_png(path: Path, pixels: np.ndarray, depth: int) -> None:
    """Write grey (H, W) or RGBA (H, W, 4) of 0..1 as PNG of 8 or 16 bits. Raises OSError."""
    most, kind = (255, np.uint8) if depth == 8 else (65535, np.uint16)
    values = np.rint(np.clip(pixels, 0, 1) * np.float32(most)).astype(kind)
    if values.ndim == 3:
        values = cv2.cvtColor(values, cv2.COLOR_RGBA2BGRA)
    _, data = cv2.imencode(".png", values, [cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL])
    path.write_bytes(data.tobytes())


def write_exr(path: Path, channels: Mapping[str, np.ndarray], attributes: Mapping[str, object]) -> None:
    """Write channels (H, W), float16 or float32, as EXR without loss. Raises DiskFull, FolderNotWritable."""
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **attributes}
    planes = {name: np.ascontiguousarray(plane) for name, plane in channels.items()}
    try:
        OpenEXR.File(header, planes).write(os.fsencode(path))
    except RuntimeError as error:  # the library's only one, whatever happened
        raise writing_failed(path, str(error)) from error


def writing_failed(path: Path, why: str) -> DiskFull | FolderNotWritable:
    """Return the error to raise when a library could not write a file, and does not say whether the disk is full."""
    if shutil.disk_usage(path.parent).free < _LITTLE:
        return DiskFull(f"no space is left to write {path.name} in {path.parent}")
    return FolderNotWritable(f"{path} cannot be written: {why}")


def exr_type(depth: int) -> type[np.floating]:
    """Return the type of a channel of 16 or 32 bits."""
    return np.float16 if depth == 16 else np.float32
