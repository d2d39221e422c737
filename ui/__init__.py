"""Panels, lists and the overlay, which only read data and never change it."""

from __future__ import annotations

from . import (
    brush_cursor,
    cursor_drawings,
    keymatte_menu,
    lane_menu,
    lane_tip,
    lists,
    menus,
    overlay,
    panels,
    views,
    weights,
    wipe,
)

CLASSES = (
    *lists.CLASSES,
    *menus.CLASSES,
    *keymatte_menu.CLASSES,
    *lane_menu.CLASSES,
    *weights.CLASSES,
    *panels.CLASSES,
)

show_overlay = overlay.show
hide_overlay = overlay.hide


def extend_menus() -> None:
    """Add the menu Keymatte to the header, and the ways to look at mattes to Blender's menu of views."""
    keymatte_menu.extend_header()
    views.extend_menus()


def restore_menus() -> None:
    """Remove them."""
    views.restore_menus()
    keymatte_menu.restore_header()


_AT_CURSOR = (wipe.draw_at_cursor, brush_cursor.draw, lane_tip.draw)


def show_at_cursor() -> None:
    """Add what is drawn at the mouse to the cursor in clip editors."""
    for draw in _AT_CURSOR:
        cursor_drawings.show(draw)


def hide_at_cursor() -> None:
    """Remove what is drawn at the mouse."""
    for draw in _AT_CURSOR:
        cursor_drawings.hide(draw)
