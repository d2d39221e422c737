"""Operators: each calls functions of the add-on and reports the result."""

from __future__ import annotations

from . import environment, keyframe_list, keyframes, objects, propagate, results, suggest, weights

CLASSES = (
    *objects.CLASSES,
    *keyframes.CLASSES,
    *keyframe_list.CLASSES,
    *propagate.CLASSES,
    *suggest.CLASSES,
    *results.CLASSES,
    *weights.CLASSES,
    *environment.CLASSES,
)
