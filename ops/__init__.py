"""Operators: each calls functions of the add-on and reports the result."""

from __future__ import annotations

from . import (
    brush,
    environment,
    import_folder,
    keyframe_editing,
    keyframes,
    lane,
    objects,
    paint,
    propagate,
    quality,
    results,
    snap,
    starts,
    suggest,
    views,
    weights,
)

CLASSES = (
    *objects.CLASSES,
    *keyframes.CLASSES,
    *import_folder.CLASSES,
    *paint.CLASSES,
    *brush.CLASSES,
    *starts.CLASSES,
    *snap.CLASSES,
    *keyframe_editing.CLASSES,
    *propagate.CLASSES,
    *lane.CLASSES,
    *suggest.CLASSES,
    *quality.CLASSES,
    *results.CLASSES,
    *views.CLASSES,
    *weights.CLASSES,
    *environment.CLASSES,
)
