"""Base class of the panels of the Keymatte tab."""

from __future__ import annotations

from bpy.types import Context


class ClipPanel:
    """Panel of the Keymatte tab, for the clip that the editor shows."""

    bl_space_type = "CLIP_EDITOR"
    bl_region_type = "UI"
    bl_category = "Keymatte"

    @classmethod
    def poll(cls, context: Context) -> bool:
        return context.space_data.clip is not None
