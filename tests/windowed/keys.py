"""The menu Keymatte and the keys: opened in both modes, and a key changed in the preferences works in both.

`driver` says how Blender runs this script.
"""

from __future__ import annotations

import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parents[2]))  # Blender does not put the repository on the path

from tests.windowed.disc_film import write_film
from tests.windowed.driver import (
    MODULE,
    OUT,
    Steps,
    begin,
    largest_area,
    move,
    over,
    part,
    press,
    region_of,
    report,
    run,
    screenshot,
    until,
)

_MODES = ("MASK", "TRACKING")
_MENUS = ("objects", "paint", "keyframes", "propagate", "fix", "refine", "results", "view", "engine")


def artist() -> Steps:
    """Look at the menus, then change a key, press it, and restore it."""
    area = yield from begin(write_film(OUT / "film"), name="film")
    with over(area):
        bpy.ops.clip.view_all(fit_view=True)
    yield from tab(area)
    yield from menus(area)
    yield from change("Fill", "H")
    yield from fill_in_each_mode(area, "h", works=True)
    yield from fill_in_each_mode(area, "g", works=False)
    for name in maps():
        keymap = bpy.context.window_manager.keyconfigs.user.keymaps[name]
        keymap.keymap_items.remove(items(name)["Lasso"])
    yield 0.5
    assert all("Lasso" not in items(name) for name in maps())
    bpy.ops.clip.matte_restore_keys()
    yield 0.5
    assert all(items(name)["Fill"].type == "G" and items(name)["Lasso"].type == "L" for name in maps())
    yield from fill_in_each_mode(area, "g", works=True)


def tab(area: bpy.types.Area) -> Steps:
    """Find the tab from the menu when the sidebar is closed, or shows another."""
    sidebar = part("addon.sidebar")
    area.spaces.active.show_region_ui = False
    for other in ("", "Footage"):
        if other:
            region_of(area, "UI").active_panel_category = other
        yield 0.5
        assert not sidebar.is_shown(area)
        with over(area):
            bpy.ops.clip.matte_show_tab()
        yield from until(lambda: sidebar.is_shown(area))


def menus(area: bpy.types.Area) -> Steps:
    """Open the menu in both modes, and each part of it."""
    for mode in _MODES:
        area.spaces.active.mode = mode
        yield 0.5
        screenshot(f"1 header in {mode.lower()} mode")
        yield from opened(area, "CLIP_MT_matte_menu", f"2 menu in {mode.lower()} mode")
    for name in _MENUS:
        yield from opened(area, f"CLIP_MT_matte_menu_{name}", f"3 menu {name}")


def opened(area: bpy.types.Area, menu: str, picture: str) -> Steps:
    yield from move(area, (320, 60))
    with over(area):
        bpy.ops.wm.call_menu(name=menu)
    yield 0.5
    screenshot(picture)
    yield from press("Escape")


def change(does: str, key: str) -> Steps:
    """Change a key as the list in the preferences does, while it is shown."""
    area = largest_area()
    area.type = "PREFERENCES"
    bpy.ops.preferences.addon_show(module=MODULE)
    yield 1.0
    items(maps()[0])[does].type = key
    area.tag_redraw()
    yield 1.0
    screenshot("4 preferences")
    report["changed"] = [items(name)[does].type for name in maps()]
    assert report["changed"] == [key] * len(maps()), "one change counts in every mode"
    for window in bpy.context.window_manager.windows[1:]:  # earlier Blenders open one
        with bpy.context.temp_override(window=window):
            bpy.ops.wm.window_close()
    area.type = "CLIP_EDITOR"
    yield 1.0


def fill_in_each_mode(area: bpy.types.Area, key: str, *, works: bool) -> Steps:
    """Press the key of the fill while painting is on, in both modes, and see whether it has chosen the tool."""
    settings = part("addon.brush_settings").settings()
    for mode in _MODES:
        area.spaces.active.mode = mode
        settings.use_paint, settings.tool = True, "BRUSH"
        yield from move(area, (320, 180))
        yield from press(key)
        assert (settings.tool == "FILL") == works, (mode, key, settings.tool)
        if not works:
            yield from press("Escape")  # Blender's own use of the key may have begun
    settings.use_paint = False


def maps() -> list[str]:
    return [name for name, _ in part("addon.keymaps").MAPS]


def items(name: str) -> dict[str, bpy.types.KeyMapItem]:
    """Return the items of a map of the user by what they do."""
    keymap = bpy.context.window_manager.keyconfigs.user.keymaps[name]
    return {key.does: item for key, item in part("addon.keymap_list").items_in(keymap).items()}


run(artist())
