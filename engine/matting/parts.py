"""Holes and specks of a matte: small parts that are filled or removed, with their soft edges."""

from __future__ import annotations

import cv2
import numpy as np

from .reduced import Floats

_RIM = 24.0  # pixels: how far from a hole its soft edge reaches at most


def without_holes(alpha: Floats, area: float) -> Floats:
    """Return the alpha with holes of up to `area` pixels filled: parts below one half that the object surrounds."""
    return 1 - _without(1 - alpha, area, surrounded=True) if area > 0 else alpha


def without_specks(alpha: Floats, area: float) -> Floats:
    """Return the alpha without its parts of up to `area` pixels from one half on."""
    return _without(alpha, area, surrounded=False) if area > 0 else alpha


def _without(alpha: Floats, area: float, *, surrounded: bool) -> Floats:
    """Return the alpha without small parts; if `surrounded`, only without those that do not touch the border."""
    inside = (alpha > 0.5) if surrounded else (alpha >= 0.5)
    # A hole does not reach through diagonal gaps, since the object around it does.
    _, labels, stats, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8), connectivity=4 if surrounded else 8)
    small = stats[:, cv2.CC_STAT_AREA] <= area
    small[0] = False
    if surrounded:
        border = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
        small[np.unique(np.concatenate(border))] = False
    if not small.any():
        return alpha
    # The soft pixels around go with the part that they are nearest to.
    distance, nearest = cv2.distanceTransformWithLabels(
        (~inside).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    owner = np.zeros(int(nearest.max()) + 1, np.int32)
    owner[nearest[inside]] = labels[inside]
    gone = small[owner[nearest]] & (distance <= _RIM)
    result: Floats = np.where(gone, np.float32(0), alpha)
    return result
