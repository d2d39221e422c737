"""Removal of training pictures that nearly duplicate held-out ones."""

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
_MIN_CORRELATION = 0.95  # of thumbnails; pairs below it, seen by eye, are different things of the same kind
_MAX_ASPECT_DIFFERENCE = 0.1  # of the logarithms of width over height
_GREY = 127.0  # behind a cut-out


def drop_near_duplicates(items: Sequence[Item], folder: Path) -> list[Item]:
    """Return the items without those training items that nearly duplicate a held-out item.

    Several packages may hold the same picture, or variants of a cut-out (another letter on a die, other sails on a
    ship). Near duplicates are identical files, and cut-outs that look the same, mirrored or not. Textures are kept.
    `folder` holds the files.
    """
    kept = _without_copies(items, folder)
    cut_outs = [item for item in kept if item.kind == CUTOUT]
    training = [item for item in cut_outs if not item.held_out]
    held_out = [item for item in cut_outs if item.held_out]
    duplicate = _has_match(_Thumbnails(folder, training), _Thumbnails(folder, held_out))
    files = {item.file for item, matches in zip(training, duplicate, strict=True) if matches}
    return [item for item in kept if item.file not in files]


def _without_copies(items: Sequence[Item], folder: Path) -> list[Item]:
    """Return the items without those training items, textures excepted, whose file is identical to a held-out file."""
    sums = {item.file: sha256_of(folder / item.file) for item in items}
    held_out = {sums[item.file] for item in items if item.held_out}
    return [item for item in items if item.held_out or item.kind == TEXTURE or sums[item.file] not in held_out]


class _Thumbnails:
    """Thumbnails (N, side, side, 4) float32 of N cut-outs, and the logarithms (N,) of their aspect ratios."""

    def __init__(self, folder: Path, items: Sequence[Item]) -> None:
        self.thumbnails = np.zeros((len(items), _SIDE, _SIDE, 4), np.float32)
        self.aspects = np.zeros(len(items))
        for index, item in enumerate(items):
            with Image.open(folder / item.file) as image:
                picture = np.asarray(image.convert("RGBA"), np.float32)
            colour, alpha = picture[..., :3], picture[..., 3:]
            on_grey = np.concatenate([_GREY + (colour - _GREY) * alpha / 255, alpha], axis=2)
            self.thumbnails[index] = cv2.resize(on_grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
            self.aspects[index] = np.log(picture.shape[1] / picture.shape[0])


def _has_match(pictures: _Thumbnails, references: _Thumbnails) -> np.ndarray:
    """Return for each of N pictures whether it looks like any reference, mirrored or not: (N,) bool."""
    if not len(pictures.aspects) or not len(references.aspects):
        return np.zeros(len(pictures.aspects), bool)
    rows, mirrored = _normalised(pictures.thumbnails), references.thumbnails[:, :, ::-1]
    correlation = np.maximum(rows @ _normalised(references.thumbnails).T, rows @ _normalised(mirrored).T)
    similar_aspect = np.abs(pictures.aspects[:, None] - references.aspects) < _MAX_ASPECT_DIFFERENCE
    return ((correlation > _MIN_CORRELATION) & similar_aspect).any(1)


def _normalised(thumbnails: np.ndarray) -> np.ndarray:
    """Flatten thumbnails to rows (N, side * side * 4) of mean 0 and norm 1; dot products of rows are correlations."""
    rows = thumbnails.reshape(len(thumbnails), -1)
    rows = rows - rows.mean(1, keepdims=True)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
