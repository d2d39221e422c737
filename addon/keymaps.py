"""Keys of the extension in clip editors. Those of painting act only while it is on; else Blender's own are used."""

from __future__ import annotations

from dataclasses import dataclass, field

import bpy
from bpy.types import KeyMap, KeyMapItem

# An editor in Mask mode asks the first map before the others, and one in Tracking mode asks only the others. The key
# must win in both, so it goes into all three.
_MAPS = (("Mask Editing", "EMPTY"), ("Clip", "CLIP_EDITOR"), ("Clip Editor", "CLIP_EDITOR"))


@dataclass(frozen=True)
class _Key:
    operator: str
    type: str
    modifiers: dict[str, bool] = field(default_factory=dict)
    properties: dict[str, object] = field(default_factory=dict)
    repeat: bool = False


_KEYS = (
    *(
        _Key("clip.matte_stroke", "LEFTMOUSE", {"ctrl": ctrl, "shift": shift})
        for ctrl in (False, True)
        for shift in (False, True)
    ),
    # After LEFTMOUSE, since Blender asks the last item first, and a pen's eraser is a left button too.
    _Key("clip.matte_stroke", "ERASER", {"any": True}, {"is_eraser": True}),
    _Key("clip.matte_brush_radius", "F"),
    _Key("clip.matte_brush_scale", "LEFT_BRACKET", {}, {"factor": 0.8}, repeat=True),
    _Key("clip.matte_brush_scale", "RIGHT_BRACKET", {}, {"factor": 1.25}, repeat=True),
    _Key("clip.matte_brush_tool", "L", {}, {"tool": "LASSO"}),
    _Key("clip.matte_brush_tool", "G", {}, {"tool": "FILL"}),
    *(_Key("clip.matte_paint_mode", key, {}, {"leave": True}) for key in ("ESC", "RET", "NUMPAD_ENTER")),
    _Key("clip.matte_cancel", "ESC", {}, {"by_key": True}),
    _Key("clip.matte_view_cycle", "V", {"shift": True}),
    _Key("clip.matte_view_cycle", "V", {"shift": True, "alt": True}, {"backward": True}),
    _Key("clip.matte_before_after", "B", {"shift": True}),
    # Beside Up and Down, with which Blender goes to the keyframes of animations.
    _Key("clip.matte_keyframe_jump", "UP_ARROW", {"alt": True}, {"to": "NEXT"}, repeat=True),
    _Key("clip.matte_keyframe_jump", "DOWN_ARROW", {"alt": True}, {"to": "PREVIOUS"}, repeat=True),
    _Key("clip.matte_lane_jump", "UP_ARROW", {"alt": True, "shift": True}, {"to": "NEXT"}, repeat=True),
    _Key("clip.matte_lane_jump", "DOWN_ARROW", {"alt": True, "shift": True}, {"to": "PREVIOUS"}, repeat=True),
    # Last, and so before the brush: on the wipe's handle and over the lane the mouse does not paint.
    _Key("clip.matte_wipe", "LEFTMOUSE"),
    _Key("clip.matte_lane_go", "LEFTMOUSE"),
    _Key("clip.matte_lane_menu", "RIGHTMOUSE"),
)

_items: list[tuple[KeyMap, KeyMapItem]] = []


def register() -> None:
    """Add the keys to Blender's key maps. In background mode, Blender has none."""
    configuration = bpy.context.window_manager.keyconfigs.addon
    if configuration is None:
        return
    for name, space_type in _MAPS:
        keymap = configuration.keymaps.new(name=name, space_type=space_type)
        for key in _KEYS:
            item = keymap.keymap_items.new(key.operator, key.type, "PRESS", repeat=key.repeat, **key.modifiers)
            for prop, value in key.properties.items():
                setattr(item.properties, prop, value)
            _items.append((keymap, item))


def unregister() -> None:
    """Remove the keys."""
    for keymap, item in _items:
        keymap.keymap_items.remove(item)
    _items.clear()
