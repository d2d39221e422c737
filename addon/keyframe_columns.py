"""Columns of a clip's keyframes as one array, by which it is seen quickly whether any has changed."""

from __future__ import annotations

import numpy as np
from bpy.types import MovieClip


def keyframes_of(clip: MovieClip) -> np.ndarray:
    """Return object, file number, number of frames, whether it is absent, and whether alpha, of each keyframe."""
    keys = clip.matting.keyframes
    columns = [np.empty(len(keys), kind) for kind in (np.intc, np.intc, np.intc, bool, bool)]
    for name, column in zip(("object_id", "number", "frames", "absent", "is_alpha"), columns, strict=True):
        keys.foreach_get(name, column)
    return np.stack(columns, axis=-1, dtype=np.intc, casting="unsafe")
