"""Operator that restores the extension's keys."""

from __future__ import annotations

from bpy.types import Context, Operator

from ..addon import keymap_list
from ..engine.shared.mask_images import counted
from .common import ReportingOperator


class CLIP_OT_matte_restore_keys(ReportingOperator, Operator):
    """Give all keys of Keymatte their defaults, also those that were removed. Other keys stay as they are"""

    bl_idname = "clip.matte_restore_keys"
    bl_label = "Restore Keys"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        if context.window_manager.keyconfigs.user is None:
            cls.poll_message_set("Blender has no keys in background mode")
            return False
        return True

    def run(self, context: Context) -> str:
        changed = keymap_list.restore(context.window_manager.keyconfigs.user)
        return f"Restored {counted(changed, 'key')}" if changed else "All keys have their defaults"


CLASSES = (CLIP_OT_matte_restore_keys,)
