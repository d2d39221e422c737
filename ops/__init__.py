"""Operators: each calls functions of the add-on and reports the result."""

from __future__ import annotations

from . import environment, import_folder, keyframes, objects, propagate, results, suggest, weights

CLASSES = (
    *objects.CLASSES,
    *keyframes.CLASSES,
    *import_folder.CLASSES,
    *propagate.CLASSES,
    *suggest.CLASSES,
    *results.CLASSES,
    *weights.CLASSES,
    *environment.CLASSES,
)
