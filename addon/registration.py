"""Everything that Blender is told of, in order."""

from __future__ import annotations

import bpy

from .. import ops, ui
from . import handlers, properties, session
from .preferences import KeymattePreferences

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
    session.stop_listening()
    session.session.close()
    ui.hide_overlay()
    handlers.unregister()
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
    properties.unregister()
