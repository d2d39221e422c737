"""Snapping of what was just painted: a lasso is the object's rough shape, brush strokes are marks on and beside it."""

from __future__ import annotations

import numpy as np
from bpy.types import MovieClip

from ..engine.shared.alphas import INSIDE
from . import clips, snapping, unstored
from .stroke import Stroke

# Object and frame that were painted last, and the pixels (H, W) bool that strokes with Snap have removed there.
_removed: tuple[tuple[int, int, int], np.ndarray] | None = None


def snap(clip: MovieClip, stroke: Stroke, *, is_lasso: bool) -> bool:
    """Ask the engine to snap the keyframe that a stroke has made of its `start`; return whether it was asked.

    What a lasso adds is the rough shape of more of the object, and what was there before stays. A stroke of the brush
    marks the object, which is looked for around it; one that removes marks what is not the object. A cut by the lasso
    is exact, so nothing is asked. Raises what `snapping.start` raises.
    """
    global _removed
    after, key = stroke.canvas.alpha, unstored.key_of(stroke.canvas)
    assert stroke.start is not None  # kept by who asks for snapping
    was_inside, is_inside = stroke.start >= INSIDE, after >= INSIDE
    known = _removed[1] if _removed and _removed[0] == key and _removed[1].shape == after.shape else False
    excluded = (known | (was_inside & ~is_inside)) & ~is_inside
    _removed = key, excluded
    frame = clips.scene_frame_of(clip, stroke.canvas.number)
    if not stroke.brush.remove:
        sure = was_inside if is_lasso else None
        snapping.start(
            clip, stroke.canvas.object_id, frame, after, sure=sure, not_object=excluded, strokes=not is_lasso
        )
    elif not is_lasso:
        snapping.start(clip, stroke.canvas.object_id, frame, after, not_object=excluded)
    return not (stroke.brush.remove and is_lasso)
