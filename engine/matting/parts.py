"""Holes and specks of a matte: small parts that are filled or removed, with their soft edges."""

from __future__ import annotations

import cv2
import numpy as np

from .reduced import Floats

_RIM = 24.0  # pixels: how far from a hole its soft edge reaches at most


def without_holes(alpha: Floats, area: float) -> Floats:
    """Return the alpha with holes of up to `area` pixels filled: parts below one half that the object surrounds."""
    return _filled(alpha, _parts(1 - alpha, area, surrounded=True), 1.0) if area > 0 else alpha


def without_specks(alpha: Floats, area: float) -> Floats:
    """Return the alpha without its parts of up to `area` pixels from one half on."""
    return _filled(alpha, _parts(alpha, area, surrounded=False), 0.0) if area > 0 else alpha


def _filled(alpha: Floats, mask: np.ndarray, level: float) -> Floats:
    """Return the alpha with one level in a mask (H, W) bool."""
    filled: Floats = np.where(mask, np.float32(level), alpha)
    return filled


def _parts(alpha: Floats, area: float, *, surrounded: bool) -> np.ndarray:
    """Mark small parts with their soft pixels, (H, W) bool; if `surrounded`, only those that do not touch a border."""
    inside = (alpha > 0.5) if surrounded else (alpha >= 0.5)
    # A hole does not reach through diagonal gaps, since the object around it does.
    _, labels, stats, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8), connectivity=4 if surrounded else 8)
    small = stats[:, cv2.CC_STAT_AREA] <= area
    small[0] = False
    if surrounded:
        border = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
        small[np.unique(np.concatenate(border))] = False
    if not small.any():
        return small[labels]
    # The soft pixels around go with the part that they are nearest to.
    distance, nearest = cv2.distanceTransformWithLabels(
        (~inside).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    owner = np.zeros(int(nearest.max()) + 1, np.int32)
    owner[nearest[inside]] = labels[inside]
    marked: np.ndarray = small[owner[nearest]] & (distance <= _RIM)
    return marked
