"""Keys of the extension in clip editors. Those of painting act only while it is on; else Blender's own are used."""

from __future__ import annotations

from dataclasses import dataclass, field

import bpy
from bpy.types import KeyMap, KeyMapItem

# An editor in Mask mode asks the first map before the others, and one in Tracking mode asks only the others. The key
# must win in both, so it goes into all three.
MAPS = (("Mask Editing", "EMPTY"), ("Clip", "CLIP_EDITOR"), ("Clip Editor", "CLIP_EDITOR"))


@dataclass(frozen=True, eq=False)  # each is itself, so that it can be looked up by
class Key:
    """Key of an operator, and what it does in the words of the preferences."""

    does: str
    operator: str
    type: str
    modifiers: dict[str, bool] = field(default_factory=dict)
    properties: dict[str, object] = field(default_factory=dict)
    repeat: bool = False


_PAINT = (
    Key("Add", "clip.matte_stroke", "LEFTMOUSE"),
    Key("Add, straight", "clip.matte_stroke", "LEFTMOUSE", {"shift": True}),
    Key("Remove", "clip.matte_stroke", "LEFTMOUSE", {"ctrl": True}),
    Key("Remove, straight", "clip.matte_stroke", "LEFTMOUSE", {"ctrl": True, "shift": True}),
    # After LEFTMOUSE, since Blender asks the last item first, and a pen's eraser is a left button too.
    Key("Remove, with the pen", "clip.matte_stroke", "ERASER", {"any": True}, {"is_eraser": True}),
    Key("Radius", "clip.matte_brush_radius", "F"),
    Key("Smaller Brush", "clip.matte_brush_scale", "LEFT_BRACKET", {}, {"factor": 0.8}, repeat=True),
    Key("Larger Brush", "clip.matte_brush_scale", "RIGHT_BRACKET", {}, {"factor": 1.25}, repeat=True),
    Key("Lasso", "clip.matte_brush_tool", "L", {}, {"tool": "LASSO"}),
    Key("Fill", "clip.matte_brush_tool", "G", {}, {"tool": "FILL"}),
    *(Key("Leave", "clip.matte_paint_mode", key, {}, {"leave": True}) for key in ("ESC", "RET", "NUMPAD_ENTER")),
)
_RUNS = (Key("Cancel", "clip.matte_cancel", "ESC", {}, {"by_key": True}),)
_VIEWS = (
    Key("Next View", "clip.matte_view_cycle", "V", {"shift": True}),
    Key("Previous View", "clip.matte_view_cycle", "V", {"shift": True, "alt": True}, {"backward": True}),
    Key("Before / After", "clip.matte_before_after", "B", {"shift": True}),
)
_JUMPS = (
    # Beside Up and Down, with which Blender goes to the keyframes of animations.
    Key("Next Keyframe", "clip.matte_keyframe_jump", "UP_ARROW", {"alt": True}, {"to": "NEXT"}, repeat=True),
    Key("Previous Keyframe", "clip.matte_keyframe_jump", "DOWN_ARROW", {"alt": True}, {"to": "PREVIOUS"}, repeat=True),
    Key(
        "Next Stale or Doubtful",
        "clip.matte_lane_jump",
        "UP_ARROW",
        {"alt": True, "shift": True},
        {"to": "NEXT"},
        repeat=True,
    ),
    Key(
        "Previous Stale or Doubtful",
        "clip.matte_lane_jump",
        "DOWN_ARROW",
        {"alt": True, "shift": True},
        {"to": "PREVIOUS"},
        repeat=True,
    ),
)
# Last, and so before the brush: on the wipe's handle and over the lane the mouse does not paint.
_MOUSE = (
    Key("Move Wipe", "clip.matte_wipe", "LEFTMOUSE"),
    Key("Go to Frame in Lane", "clip.matte_lane_go", "LEFTMOUSE"),
    Key("Lane Menu", "clip.matte_lane_menu", "RIGHTMOUSE"),
)
GROUPS = {
    "While Paint is on": _PAINT,
    "Runs": _RUNS,
    "View": _VIEWS,
    "Go to Frame": _JUMPS,
    "On the lane and the wipe": _MOUSE,
}
_KEYS = tuple(key for keys in GROUPS.values() for key in keys)

_items: list[tuple[KeyMap, KeyMapItem]] = []  # by map, then by key


def register() -> None:
    """Add the keys to Blender's key maps. In background mode, Blender has none."""
    configuration = bpy.context.window_manager.keyconfigs.addon
    if configuration is None:
        return
    for name, space_type in MAPS:
        keymap = configuration.keymaps.new(name=name, space_type=space_type)
        for key in _KEYS:
            _items.append((keymap, add(keymap, key)))


def unregister() -> None:
    """Remove the keys."""
    for keymap, item in _items:
        keymap.keymap_items.remove(item)
    _items.clear()


def add(keymap: KeyMap, key: Key) -> KeyMapItem:
    """Add a key to a map, and return its item."""
    item = keymap.keymap_items.new(key.operator, key.type, "PRESS", repeat=key.repeat, **key.modifiers)
    for prop, value in key.properties.items():
        setattr(item.properties, prop, value)
    return item
