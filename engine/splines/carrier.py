"""Motion that carries splines, such as that of a track: outlines are taken back to where it has not moved them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from .strands import Strand


def taken_back(strand: Strand, motions: Mapping[int, np.ndarray]) -> Strand:
    """Return a strand whose outlines are moved back by `motions`, homographies (3, 3) of pixels by media frame.

    Frames without one are left as they are. Raises numpy.linalg.LinAlgError if one cannot be inverted.
    """
    rings = []
    for frame, ring in zip(strand.frames, strand.rings):
        if frame in motions:
            back = np.linalg.inv(motions[frame])
            x, y, scale = back @ np.stack([ring.points.real, ring.points.imag, np.ones(len(ring.points))])
            ring = replace(ring, points=(x + 1j * y) / scale)
        rings.append(ring)
    return Strand(strand.hole, strand.first, strand.around, rings)
