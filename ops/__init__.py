"""Operators: each calls functions of the add-on and reports the result."""

from __future__ import annotations

from . import (
    brush,
    environment,
    import_folder,
    keyframe_editing,
    keyframes,
    lane,
    locks,
    objects,
    paint,
    propagate,
    quality,
    results,
    run_range,
    runs,
    snap,
    starts,
    suggest,
    versions,
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
    *run_range.CLASSES,
    *propagate.CLASSES,
    *runs.CLASSES,
    *lane.CLASSES,
    *suggest.CLASSES,
    *quality.CLASSES,
    *locks.CLASSES,
    *results.CLASSES,
    *versions.CLASSES,
    *views.CLASSES,
    *weights.CLASSES,
    *environment.CLASSES,
)
