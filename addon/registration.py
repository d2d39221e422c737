"""Registration of Keymatte's classes, properties, keys, handlers and overlay with Blender."""

from __future__ import annotations

import bpy

from .. import ops, ui
from . import (
    brush_settings,
    compositor_watch,
    engine_setup,
    forecast,
    handlers,
    homes,
    job_queue,
    keymaps,
    lane_watch,
    listening,
    matte_files,
    notices,
    outcome_watch,
    properties,
    quality_list,
    refine_preview,
    refining,
    snapping,
    state_watch,
)
from .preferences import KeymattePreferences
from .session import session

_CLASSES = (KeymattePreferences, *ops.CLASSES, *ui.CLASSES)


def register() -> None:
    """Register all classes, properties, handlers and the overlay when the extension is enabled."""
    properties.register()
    brush_settings.register()
    quality_list.register()
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    handlers.register()
    homes.adopt()
    keymaps.register()
    ui.show_overlay()
    ui.show_at_cursor()
    ui.extend_menus()
    engine_setup.begin()


def unregister() -> None:
    """Close the engine and unregister everything when the extension is disabled."""
    listening.stop_listening()
    state_watch.stop()
    outcome_watch.stop()
    forecast.forget()
    compositor_watch.stop()
    job_queue.forget()
    snapping.forget()
    refining.forget()
    matte_files.forget()
    refine_preview.forget()
    notices.clear()
    session.close()
    lane_watch.forget()
    ui.restore_menus()
    ui.hide_at_cursor()
    ui.hide_overlay()
    keymaps.unregister()
    handlers.unregister()
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
    quality_list.unregister()
    brush_settings.unregister()
    properties.unregister()
