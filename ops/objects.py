"""Operators that add and remove objects of a clip."""

from __future__ import annotations

from bpy.props import StringProperty
from bpy.types import Context, Operator

from ..addon.objects import add_object, remove_active_object
from .common import ClipOperator, clip_in, object_in


class CLIP_OT_matte_object_add(ClipOperator, Operator):
    """Add an object to compute mattes of"""

    bl_idname = "clip.matte_object_add"
    bl_label = "Add Object"
    bl_options = {"REGISTER", "UNDO"}

    name: StringProperty(
        name="Name", description="Name of the object. Leave empty to use its number", options={"SKIP_SAVE"}
    )

    def run(self, context: Context) -> str:
        return f"Added {add_object(clip_in(context), name=self.name).name}"


class CLIP_OT_matte_object_remove(ClipOperator, Operator):
    """Remove the active object and its keyframes. Its mattes stay on disk until they are cleared"""

    bl_idname = "clip.matte_object_remove"
    bl_label = "Remove Object"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: Context) -> str:
        object_in(context)
        return f"Removed {remove_active_object(clip_in(context))}"


CLASSES = (CLIP_OT_matte_object_add, CLIP_OT_matte_object_remove)
