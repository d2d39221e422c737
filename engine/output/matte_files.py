"""Mattes on disk: reading those that may be missing or damaged, and the label image that they make together."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..media.label_images import read_matte
from ..shared.errors import MatteUnreadable


def read_existing(path: Path, size: tuple[int, ...]) -> np.ndarray | None:
    """Read a matte; None if the file is missing, damaged or of another size."""
    alpha = read_any(path)
    return alpha if alpha is not None and alpha.shape == size else None


def read_any(path: Path) -> np.ndarray | None:
    """Read a matte of any size; None if the file is missing or damaged."""
    if not path.exists():
        return None
    try:
        return read_matte(path)
    except MatteUnreadable:
        return None


def labels_from_alphas(alphas: np.ndarray, objects: list[int]) -> np.ndarray:
    """Convert soft alphas (O, H, W) to object ids (H, W) uint8 by argmax over background and objects."""
    background = np.clip(1 - alphas.sum(0, keepdims=True), 0, 1)
    ids = np.array([0, *objects], np.uint8)
    return ids[np.concatenate([background, alphas]).argmax(0)]
