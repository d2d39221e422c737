"""Alphas to be drawn: read from their files, cut to what is not empty, and reduced to the resolution of the display."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..engine.shared.alphas import hard_alpha
from ..engine.shared.kept_state import KeptState
from ..engine.shared.matte_folder import MatteFolder
from . import png

_ROUNDING = 4  # of 255, by which a reduced matte may be above what its mask, reduced alike, leaves


class Wanted(NamedTuple):
    """An alpha to be drawn: a computed matte, or a keyframe, of an object on a frame."""

    root: str  # matte folder
    object_id: int
    number: int  # file number of the frame
    size: tuple[int, int]  # width and height of the clip
    reduction: int  # how many pixels of the clip are one pixel of the picture, across and down: a power of two
    version: str = ""  # of a keyframe's image; empty for a computed matte
    is_alpha: bool = True  # False for a keyframe of Keymatte 0.1, which is a label image
    inverted: bool = False  # whether what lies outside of a keyframe is wanted
    kept: KeptState | None = None  # state of the folder in which a computed matte is wanted; None: as it is now
    file: str = ""  # path of a refined matte or its preview, to be drawn instead of the computed one


@dataclass(frozen=True, eq=False)  # equal only to itself, as caches ask
class Picture:
    """Alpha without its empty surroundings, reduced."""

    left: int  # place of its first pixel in the clip, pixels
    top: int
    reduction: int
    values: np.ndarray  # (h, w) uint8, first row at the top; (0, 0) if the whole alpha is empty


class Stamp(NamedTuple):
    """A file and what changes whenever it is written anew."""

    path: str
    modified: int  # nanoseconds
    size: int
    inode: int


def stamp(wanted: Wanted) -> Stamp | None:
    """Return the file that holds a wanted alpha, or None if there is none.

    An object without a matte file is drawn from the frame's label image.
    """
    if wanted.file:
        return _stamp_of(Path(wanted.file))
    folder = MatteFolder(Path(wanted.root))
    if wanted.version:
        return _stamp_of(folder.keyframe_version(wanted.version))
    paths = [folder.matte(wanted.object_id, wanted.number), folder.labels(wanted.number)]
    if wanted.kept is not None:
        paths = [*map(wanted.kept.file, paths)]
    return next((found for found in map(_stamp_of, paths) if found is not None), None)


def read(path: Path) -> np.ndarray | None:
    """Return the values (H, W) of a PNG, or None if it is missing, damaged or of another kind."""
    try:
        return png.read(path, deep=True).values
    except (OSError, png.PngError):
        return None


def alpha_in(wanted: Wanted, path: Path, values: np.ndarray) -> np.ndarray | None:
    """Return the wanted object's alpha (H, W) in the `values` of its file, or None if they are of another size."""
    width, height = wanted.size
    if values.shape != (height, width):
        return None
    if wanted.version:
        alpha = values if wanted.is_alpha else hard_alpha(values > 0)
        return 255 - alpha if wanted.inverted else alpha
    if is_labels(wanted, path):
        return hard_alpha(values == wanted.object_id)
    return values


def is_labels(wanted: Wanted, path: Path) -> bool:
    """Return whether the file of a wanted matte is the frame's label image, which all its objects share."""
    return not (wanted.version or wanted.file) and path.parent.name == "labels"


def picture(alpha: np.ndarray, reduction: int) -> Picture:
    """Return `alpha` (H, W) uint8 without its empty surroundings, reduced."""
    rows = np.flatnonzero(alpha.any(axis=1))
    if not rows.size:
        return Picture(0, 0, reduction, np.zeros((0, 0), np.uint8))
    columns = np.flatnonzero(alpha[rows[0] : rows[-1] + 1].any(axis=0))
    height, width = alpha.shape
    # One empty pixel of the picture stays around the object, so that its edge fades out there when interpolated.
    left, top = (max(0, (first // reduction - 1) * reduction) for first in (columns[0], rows[0]))
    right, bottom = columns[-1] + 1 + reduction, rows[-1] + 1 + reduction
    part = alpha[top : min(bottom, height), left : min(right, width)]
    return Picture(int(left), int(top), reduction, reduced(part, reduction))


def reduced(alpha: np.ndarray, reduction: int) -> np.ndarray:
    """Return the mean of each `reduction` x `reduction` pixels. Incomplete ones repeat the last row and column."""
    while reduction > 1:
        height, width = alpha.shape
        if height % 2 or width % 2:
            alpha = np.pad(alpha, ((0, height % 2), (0, width % 2)), mode="edge")
        rows = alpha[0::2].astype(np.uint16)
        rows += alpha[1::2]
        sums = rows[:, 0::2] + rows[:, 1::2]
        sums += 2  # to round
        alpha = (sums >> 2).astype(np.uint8)
        reduction //= 2
    return np.ascontiguousarray(alpha)


@lru_cache(maxsize=16)
def cut(shown: Picture, masks: tuple[Picture, ...]) -> Picture:
    """Return a picture with no more left of it than masks of the same reduction leave: 255 less their values.

    What has been cut by them before is returned as it is, the same picture.
    """
    values = shown.values
    for mask in masks:
        across, down = ((a - b) // shown.reduction for a, b in ((mask.left, shown.left), (mask.top, shown.top)))
        top, bottom = max(0, down), min(values.shape[0], down + mask.values.shape[0])
        left, right = max(0, across), min(values.shape[1], across + mask.values.shape[1])
        if top >= bottom or left >= right:
            continue
        most = 255 - mask.values[top - down : bottom - down, left - across : right - across]
        if (values[top:bottom, left:right] > most.astype(np.int16) + _ROUNDING).any():
            values = values.copy()
            np.minimum(values[top:bottom, left:right], most, out=values[top:bottom, left:right])
    return shown if values is shown.values else replace(shown, values=values)


def _stamp_of(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return Stamp(str(path), status.st_mtime_ns, status.st_size, status.st_ino)
