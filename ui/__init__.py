"""Panels, lists and the overlay, which only read data and never change it."""

from __future__ import annotations

from . import brush_cursor, lane_menu, lane_tip, lists, menus, overlay, panels, weights

CLASSES = (*lists.CLASSES, *menus.CLASSES, *lane_menu.CLASSES, *weights.CLASSES, *panels.CLASSES)

show_overlay = overlay.show
hide_overlay = overlay.hide
show_brush = brush_cursor.show
hide_brush = brush_cursor.hide
show_lane_tip = lane_tip.show
hide_lane_tip = lane_tip.hide
