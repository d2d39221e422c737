"""Operators: each calls functions of the add-on and reports the result."""

from __future__ import annotations

from . import environment, keyframes, objects, propagate, results, snap, suggest, weights

CLASSES = (
    *objects.CLASSES,
    *keyframes.CLASSES,
    *snap.CLASSES,
    *propagate.CLASSES,
    *suggest.CLASSES,
    *results.CLASSES,
    *weights.CLASSES,
    *environment.CLASSES,
)
