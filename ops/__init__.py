"""The buttons: each gathers, calls one function of the add-on, and reports."""

from __future__ import annotations

from . import environment, keyframes, objects, propagate, results, suggest, weights

CLASSES = (
    *objects.CLASSES,
    *keyframes.CLASSES,
    *propagate.CLASSES,
    *suggest.CLASSES,
    *results.CLASSES,
    *weights.CLASSES,
    *environment.CLASSES,
)
