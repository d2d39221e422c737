"""Keys of the extension in the clip editor."""

from __future__ import annotations

import bpy
from bpy.types import KeyMap, KeyMapItem

_added: list[tuple[KeyMap, KeyMapItem]] = []


def register() -> None:
    """Add the keys to Blender's configuration of add-ons."""
    configuration = bpy.context.window_manager.keyconfigs.addon
    if configuration is None:  # without a window
        return
    keymap = configuration.keymaps.new(name="Clip Editor", space_type="CLIP_EDITOR")
    _added.append((keymap, keymap.keymap_items.new("clip.matte_view_cycle", "V", "PRESS", shift=True)))
    backward = keymap.keymap_items.new("clip.matte_view_cycle", "V", "PRESS", shift=True, alt=True)
    backward.properties.backward = True
    _added.append((keymap, backward))


def unregister() -> None:
    """Remove the keys."""
    for keymap, item in _added:
        keymap.keymap_items.remove(item)
    _added.clear()
