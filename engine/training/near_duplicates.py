"""Drop training pictures that nearly duplicate held-out ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ..checkpoints.download import sha256_of
from .assets import Item
from .sources import CUTOUT, TEXTURE

_SIDE = 24  # of thumbnails, pixels
_ALIKE = 0.95  # correlation of thumbnails; below it, seen by eye, are other things of the same kind
_SHAPE = 0.1  # most that the logarithms of width over height differ
_GREY = 127.0  # behind a cut-out


def drop_near_duplicates(items: Sequence[Item], folder: Path) -> list[Item]:
    """Drop training items that nearly duplicate held-out ones, as a picture may be in several packages.

    Near duplicates are the same bytes; of cut-outs, of which packages hold variants (another letter on a die, a ship
    under other sails), also pictures that look the same, mirrored or not. Textures are for all.
    """
    sums = {item.file: sha256_of(folder / item.file) for item in items}
    held_out = {sums[item.file] for item in items if item.held_out}
    left = [one for one in items if one.held_out or one.kind == TEXTURE or sums[one.file] not in held_out]
    cut_outs = [one for one in left if one.kind == CUTOUT]
    learned, kept = ([one for one in cut_outs if one.held_out == held] for held in (False, True))
    twins = _looking_like(_Looks(folder, learned), _Looks(folder, kept))
    files = {one.file for one, twin in zip(learned, twins, strict=True) if twin}
    return [one for one in left if one.file not in files]


class _Looks:
    """Thumbnails (N, side, side, 4) float32 and shapes (N,) of pictures with alpha."""

    def __init__(self, folder: Path, items: Sequence[Item]) -> None:
        self.thumbnails = np.zeros((len(items), _SIDE, _SIDE, 4), np.float32)
        self.shapes = np.zeros(len(items))
        for at, item in enumerate(items):
            with Image.open(folder / item.file) as image:
                picture = np.asarray(image.convert("RGBA"), np.float32)
            colour, alpha = picture[..., :3], picture[..., 3:]
            shown = np.concatenate([_GREY + (colour - _GREY) * alpha / 255, alpha], axis=2)
            self.thumbnails[at] = cv2.resize(shown, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
            self.shapes[at] = np.log(picture.shape[1] / picture.shape[0])


def _looking_like(some: _Looks, others: _Looks) -> np.ndarray:
    """(N,) bool: which of some look like any of the others."""
    if not len(some.shapes) or not len(others.shapes):
        return np.zeros(len(some.shapes), bool)
    mine = _unit(some.thumbnails)
    alike = np.maximum(*(mine @ _unit(theirs).T for theirs in (others.thumbnails, others.thumbnails[:, :, ::-1])))
    return ((alike > _ALIKE) & (np.abs(some.shapes[:, None] - others.shapes) < _SHAPE)).any(1)


def _unit(thumbnails: np.ndarray) -> np.ndarray:
    """(N, side * side * 4), each of mean 0 and length 1, so that products are correlations."""
    rows = thumbnails.reshape(len(thumbnails), -1)
    rows = rows - rows.mean(1, keepdims=True)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
