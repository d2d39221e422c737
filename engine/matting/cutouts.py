"""Foreground colours of an object: those of its soft edges without the background's."""

from __future__ import annotations

import numpy as np

from .reduced import Floats, Place

_MARGIN = 16  # pixels around the object whose colours tell the background's


def foreground(picture: np.ndarray, alpha: Floats) -> Floats:
    """Return the object's own colours (H, W, 3) 0..1 for a picture (H, W, 3) uint8 and its alpha (H, W).

    Colours are encoded as the picture is, sRGB for most clips, and so is the mixture that they are found from: cameras
    mix light, but an alpha that was found from encoded values explains those best. Away from the object they are the
    picture's.
    """
    from pymatting import estimate_foreground_ml

    colours = picture.astype(np.float32) / 255
    place = _around(alpha)
    if place is None or alpha.size == 1:
        return colours
    colours[place] = np.clip(estimate_foreground_ml(colours[place], alpha[place]), 0, 1)
    return colours


def _around(alpha: Floats) -> Place | None:
    """Return the rows and columns of the object and its surroundings; None if there is nothing."""
    rows, columns = np.flatnonzero((alpha > 0).any(1)), np.flatnonzero((alpha > 0).any(0))
    if not rows.size:
        return None
    return (
        slice(max(int(rows[0]) - _MARGIN, 0), int(rows[-1]) + _MARGIN + 1),
        slice(max(int(columns[0]) - _MARGIN, 0), int(columns[-1]) + _MARGIN + 1),
    )
