"""The tab in the sidebar of clip editors, brought to the front for those who look for it."""

from __future__ import annotations

from collections.abc import Callable

import bpy
from bpy.types import Area, Region, Window, WorkSpace

TAB = "Keymatte"  # also the name of the workspace that is added
_TRIES = 40  # as Blender shows a workspace only later, and a tab can be chosen once it has been drawn
_SECONDS = 0.05


def show(area: Area) -> None:
    """Open the sidebar of a clip editor with the tab in front, at once or as soon as the sidebar was drawn."""
    area.spaces.active.show_region_ui = True
    wanted = area.as_pointer()  # a reference to an area that is closed would crash Blender

    def is_done() -> bool:
        found = next((one for window in _windows() for one in window.screen.areas if one.as_pointer() == wanted), None)
        return found is None or found.type != "CLIP_EDITOR" or _choose(found)

    if not is_done():
        _try_again(is_done)


def is_shown(area: Area) -> bool:
    """Return whether the tab is in front in the editor's open sidebar."""
    region = _sidebar(area)
    return area.spaces.active.show_region_ui and region is not None and _tab(region) == TAB


def show_editor() -> str:
    """Show a clip editor with the tab in the main window, and return where, in words.

    It is one that the window shows, or else one of another workspace. If there is none, a workspace is added as a copy
    of the one shown, with a clip editor as its largest editor.
    """
    window = next((window for window in _windows() if window.parent is None), _windows()[0])
    if area := _clip_editor(window):
        show(area)
        return ""
    workspaces = list(bpy.data.workspaces)
    wanted = next((one for one in workspaces if any(area.type == "CLIP_EDITOR" for area in _areas(one))), None)
    if wanted is not None:
        window.workspace = wanted
    else:
        with bpy.context.temp_override(window=window):
            bpy.ops.workspace.duplicate()
        wanted = next(one for one in bpy.data.workspaces if one not in workspaces)
        wanted.name = TAB
    name = wanted.name

    def is_done() -> bool:
        shown = next((one for one in _windows() if one.workspace.name == name), None)
        if shown is None:
            return False
        area = _clip_editor(shown)
        if area is None:
            area = max(shown.screen.areas, key=lambda one: one.width * one.height)
            area.type = "CLIP_EDITOR"
        show(area)
        return True

    _try_again(is_done)
    return f"The workspace {name} has a Movie Clip Editor"


def _clip_editor(window: Window) -> Area | None:
    return next((area for area in window.screen.areas if area.type == "CLIP_EDITOR"), None)


def _areas(workspace: WorkSpace) -> list[Area]:
    return [area for screen in workspace.screens for area in screen.areas]


def _windows() -> list[Window]:
    return list(bpy.context.window_manager.windows)


def _sidebar(area: Area) -> Region | None:
    return next((region for region in area.regions if region.type == "UI"), None)


def _tab(region: Region) -> str:
    return getattr(region, "active_panel_category", "")


def _choose(area: Area) -> bool:
    """Bring the tab to the front, and return whether it is there."""
    region = _sidebar(area)
    if region is None or region.width <= 1:
        return False
    try:
        region.active_panel_category = TAB
    except (AttributeError, TypeError):  # the tab is not known before the sidebar was drawn
        return False
    area.tag_redraw()
    return _tab(region) == TAB


def _try_again(is_done: Callable[[], bool]) -> None:
    """Call `is_done` by a timer until it returns True, for two seconds at most; never in background mode."""
    tries = _TRIES

    def tick() -> float | None:
        nonlocal tries
        tries -= 1
        return None if is_done() or not tries else _SECONDS

    if not bpy.app.background:
        bpy.app.timers.register(tick, first_interval=_SECONDS)
