"""Drawing only: reads, never changes."""

from __future__ import annotations

from . import lists, overlay, panels

CLASSES = (*lists.CLASSES, *panels.CLASSES)

show_overlay = overlay.show
hide_overlay = overlay.hide
