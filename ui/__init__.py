"""Drawing only: reads, never changes."""

from __future__ import annotations

from . import lists, overlay, panels, weights

CLASSES = (*lists.CLASSES, *weights.CLASSES, *panels.CLASSES)

show_overlay = overlay.show
hide_overlay = overlay.hide
