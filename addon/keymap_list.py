"""The list of the extension's keys in the preferences, where each can be changed, switched off and restored."""

from __future__ import annotations

import bpy
import rna_keymap_ui
from bpy.types import Context, KeyConfig, KeyMap, KeyMapItem, UILayout

from . import keymaps
from .keymaps import GROUPS, MAPS, Key

_LABEL = 0.22  # of the width of a row
_FIELDS = ("map_type", "type", "value", "any", "shift", "ctrl", "alt", "oskey", "key_modifier", "repeat", "active")

_State = tuple[object, ...]

_KEYS = tuple(key for keys in GROUPS.values() for key in keys)
_seen: dict[Key, _State] = {}  # what the list showed last


def draw(layout: UILayout, context: Context) -> None:
    """Draw the keys by what they do. A change counts in every mode of the editor, and is made there later by a timer.

    Nothing is drawn in background mode, in which Blender has no keys.
    """
    configuration = context.window_manager.keyconfigs.user
    keymap = configuration.keymaps.get(MAPS[0][0]) if configuration else None
    if configuration is None or keymap is None:
        return
    items = items_in(keymap)
    _follow(items)
    header, body = layout.panel("keymatte_keys", default_closed=True)
    header.label(text="Keys")
    if body is not None:
        _draw_groups(body, configuration, keymap, items)


def _draw_groups(layout: UILayout, configuration: KeyConfig, keymap: KeyMap, items: dict[Key, KeyMapItem]) -> None:
    for title, keys in GROUPS.items():
        column = layout.column()
        column.label(text=title)
        for key in keys:
            row = column.split(factor=_LABEL)
            row.label(text=key.does)
            if item := items.get(key):
                rna_keymap_ui.draw_kmi([], configuration, keymap, item, row.column(), 0)
            else:
                row.label(text="Removed", icon="INFO")
    layout.operator("clip.matte_restore_keys", icon="LOOP_BACK")


def items_in(keymap: KeyMap) -> dict[Key, KeyMapItem]:
    """Return the item of each key in a map of the user; keys that the user has removed are left out.

    Keys of one action that differ by nothing else are told apart by what they are when unchanged, then by their order.
    """
    found: dict[Key, KeyMapItem] = {}
    left = [item for item in reversed(keymap.keymap_items) if item.idname.startswith("clip.matte_")]
    for is_same in (_is_default, _is_of):
        for key in _KEYS:
            item = next((one for one in left if is_same(key, one)), None) if key not in found else None
            if item is not None:
                found[key] = item
                left.remove(item)
    return found


def restore(configuration: KeyConfig) -> int:
    """Give every key in the user's maps its default, also those that were removed; return how many were changed."""
    changed: set[Key] = set()
    for name, _ in MAPS:
        keymap = configuration.keymaps.get(name)
        if keymap is None:
            continue
        items = items_in(keymap)
        for key in _KEYS:
            item = items.get(key)
            if item is None:
                keymaps.add(keymap, key)
                changed.add(key)
            elif not _is_default(key, item) or not item.active:
                keymap.restore_item_to_default(item)
                changed.add(key)
    return len(changed)


def _is_of(key: Key, item: KeyMapItem) -> bool:
    """Return whether an item is for the action of a key."""
    if item.idname != key.operator or item.properties is None:
        return False
    names = {name for other in _KEYS if other.operator == key.operator for name in other.properties}
    defaults = item.properties.bl_rna.properties
    return all(
        _is_equal(getattr(item.properties, name), key.properties.get(name, defaults[name].default)) for name in names
    )


def _is_equal(value: object, other: object) -> bool:
    if isinstance(value, float) and isinstance(other, float):
        return abs(value - other) < 1e-6  # Blender stores single precision
    return value == other


def _is_default(key: Key, item: KeyMapItem) -> bool:
    """Return whether an item is for the action of a key and pressed as the extension has it."""
    pressed = {name: key.modifiers.get(name, False) for name in ("shift", "ctrl", "alt")}
    is_any = key.modifiers.get("any", False)
    return (
        _is_of(key, item)
        and (item.type, item.value, bool(item.any)) == (key.type, "PRESS", is_any)
        and (is_any or all(bool(getattr(item, name)) == held for name, held in pressed.items()))
    )


def _follow(items: dict[Key, KeyMapItem]) -> None:
    """Have what was changed in the list since it was last drawn changed in the other maps as well."""
    changed = {}
    for key, item in items.items():
        state = _state(item)
        if _seen.setdefault(key, state) != state:
            changed[key] = _seen[key] = state
    if changed:
        bpy.app.timers.register(lambda: _apply(changed), first_interval=0.0)


def _state(item: KeyMapItem) -> _State:
    return tuple(getattr(item, name) for name in _FIELDS)


def _apply(changed: dict[Key, _State]) -> None:
    """Give the items of keys in the other maps these states."""
    for name, _ in MAPS[1:]:
        keymap = bpy.context.window_manager.keyconfigs.user.keymaps.get(name)
        items = items_in(keymap) if keymap is not None else {}
        for key, state in changed.items():
            item = items.get(key)
            if item is not None and _state(item) != state:
                for field, value in zip(_FIELDS, state):
                    setattr(item, field, value)
