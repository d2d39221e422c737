"""Shortcuts in the clip editor."""

from __future__ import annotations

import bpy
from bpy.types import KeyMap, KeyMapItem

_added: list[tuple[KeyMap, KeyMapItem]] = []


def register() -> None:
    """Add the shortcuts to the add-ons' key configuration, which Blender lacks in background mode."""
    keyconfig = bpy.context.window_manager.keyconfigs.addon
    if keyconfig is None:
        return
    keymap = keyconfig.keymaps.new(name="Clip", space_type="CLIP_EDITOR")
    # Beside Up and Down, with which Blender goes to the keyframes of animations.
    for key, to in (("UP_ARROW", "NEXT"), ("DOWN_ARROW", "PREVIOUS")):
        item = keymap.keymap_items.new("clip.matte_keyframe_jump", key, "PRESS", alt=True, repeat=True)
        item.properties.to = to
        _added.append((keymap, item))


def unregister() -> None:
    """Remove the shortcuts."""
    for keymap, item in _added:
        keymap.keymap_items.remove(item)
    _added.clear()
