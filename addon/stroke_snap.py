"""Snapping of what was just painted: a lasso is the object's rough shape, brush strokes are marks on and beside it."""

from __future__ import annotations

import numpy as np
from bpy.types import MovieClip

from ..engine.shared.alphas import INSIDE
from . import clips, snapping, unstored
from .stroke import Stroke

_MIN_REACH = 32  # pixels around a stroke in which its object is looked for
# Object and frame that were painted last, and the pixels (H, W) bool that strokes with Snap have removed there.
_removed: tuple[tuple[int, int, int], np.ndarray] | None = None


def snap(clip: MovieClip, stroke: Stroke, *, is_lasso: bool) -> bool:
    """Ask the engine to snap the keyframe that a stroke has made of its `start`; return whether it was asked.

    What a lasso adds is the rough shape of more of the object, and what was there before stays. A stroke of the brush
    marks the object, which is looked for around the stroke; one that removes marks what is not the object. Beyond the
    stroke's surroundings nothing changes. A cut by the lasso is exact, so nothing is asked; nor is it for a stroke that
    marks what is not the object beside the mask. Raises what `snapping.start` raises.
    """
    global _removed
    after, key, removes = stroke.canvas.alpha, unstored.key_of(stroke.canvas), stroke.brush.remove
    assert stroke.start is not None  # kept by who asks for snapping
    is_inside = after >= INSIDE
    known = _removed[1] if _removed and _removed[0] == key and _removed[1].shape == after.shape else False
    marked = stroke.start >= INSIDE if is_lasso else stroke.trace() >= INSIDE
    removed = (known | marked if removes else known) & ~is_inside
    _removed = key, removed
    if removes and (is_lasso or not (marked & (stroke.start >= INSIDE)).any()):
        return False
    frame, object_id = clips.scene_frame_of(clip, stroke.canvas.number), stroke.canvas.object_id
    if is_lasso:
        snapping.start(clip, object_id, frame, after, sure=marked, not_object=removed)
        return True
    far = ~_around(marked)
    excluded = removed | (far & ~is_inside)
    if removes:
        snapping.start(clip, object_id, frame, after, sure=is_inside & far, not_object=excluded)
    else:
        snapping.start(clip, object_id, frame, after, not_object=excluded, strokes=True)
    return True


def forget() -> None:
    """Forget which pixels strokes have removed, since an undo may have taken the strokes back."""
    global _removed
    _removed = None


def _around(marked: np.ndarray) -> np.ndarray:
    """Return the surroundings (H, W) bool of a stroke's pixels: their bounding box, enlarged by its longer side."""
    rows, columns = np.flatnonzero(marked.any(1)), np.flatnonzero(marked.any(0))
    if not len(rows):  # outside the picture
        return np.zeros_like(marked)
    reach = max(_MIN_REACH, rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1)
    around = np.zeros_like(marked)
    around[max(0, rows[0] - reach) : rows[-1] + reach + 1, max(0, columns[0] - reach) : columns[-1] + reach + 1] = True
    return around
