"""Everything that Blender is told of, in order."""

from __future__ import annotations

import bpy

from .. import ops, ui
from . import handlers, listening, properties
from .preferences import KeymattePreferences
from .session import session

_CLASSES = (KeymattePreferences, *ops.CLASSES, *ui.CLASSES)


def register() -> None:
    """Switch Keymatte on."""
    properties.register()
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    handlers.register()
    ui.show_overlay()


def unregister() -> None:
    """Switch Keymatte off; a running engine is ended."""
    listening.stop_listening()
    session.close()
    ui.hide_overlay()
    handlers.unregister()
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
    properties.unregister()
