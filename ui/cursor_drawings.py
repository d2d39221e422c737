"""Drawings at the mouse in clip editors, made with the mouse's cursor, so that no editor is redrawn for them."""

from __future__ import annotations

from collections.abc import Callable

import bpy
from bpy.app.handlers import persistent
from bpy.types import WindowManager

Draw = Callable[[tuple[int, int]], None]  # is given the place of the mouse, in pixels of the window

_handles: dict[Draw, object] = {}


def show(draw: Draw) -> None:
    """Add a drawing to the cursor in clip editors. Does nothing in background mode."""
    if bpy.app.background or draw in _handles:
        return
    if not _handles:
        bpy.app.handlers.load_post.append(_after_load)
    _handles[draw] = _added(draw)


def hide(draw: Draw) -> None:
    """Remove a drawing from the cursor."""
    handle = _handles.pop(draw, None)
    if handle is not None:
        WindowManager.draw_cursor_remove(handle)
        if not _handles:
            bpy.app.handlers.load_post.remove(_after_load)


@persistent
def _after_load(*_: object) -> None:
    """Add the drawings again, since they belonged to the window manager of the file that was open before."""
    for draw, handle in _handles.items():
        WindowManager.draw_cursor_remove(handle)
        _handles[draw] = _added(draw)


def _added(draw: Draw) -> object:
    return WindowManager.draw_cursor_add(draw, (), "CLIP_EDITOR", "WINDOW")
