"""Panels, lists and the overlay, which only read data and never change it."""

from __future__ import annotations

from . import lists, overlay, panels, weights

CLASSES = (*lists.CLASSES, *weights.CLASSES, *panels.CLASSES)

show_overlay = overlay.show
hide_overlay = overlay.hide
