"""Panels, lists and the overlay, which only read data and never change it."""

from __future__ import annotations

from . import brush_cursor, lists, menus, overlay, panels, weights

CLASSES = (*lists.CLASSES, *menus.CLASSES, *weights.CLASSES, *panels.CLASSES)

show_overlay = overlay.show
hide_overlay = overlay.hide
show_brush = brush_cursor.show
hide_brush = brush_cursor.hide
