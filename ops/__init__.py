"""Operators: each calls functions of the add-on and reports the result."""

from __future__ import annotations

from . import environment, keyframes, objects, propagate, results, suggest, views, weights

CLASSES = (
    *objects.CLASSES,
    *keyframes.CLASSES,
    *propagate.CLASSES,
    *suggest.CLASSES,
    *results.CLASSES,
    *views.CLASSES,
    *weights.CLASSES,
    *environment.CLASSES,
)
