"""Operators that add, duplicate, order and remove objects and masks of a clip."""

from __future__ import annotations

from bpy.props import EnumProperty, StringProperty
from bpy.types import Context, Event, Operator

from ..addon import locks, objects
from ..addon.keyframe_copies import copy_keyframes
from ..addon.properties import ROLE_ITEMS
from ..engine.shared.errors import EngineError
from ..engine.shared.mask_images import counted
from .common import ClipOperator, ObjectOperator, clip_in, object_in

_MARKING = "Mark it like an object, or choose a Blender mask. A keyframe of it holds until its next one"
_DESCRIPTIONS = {
    "OBJECT": "Add an object to compute mattes of",
    "GARBAGE": f"Add a mask into which no object's matte reaches; inverted, none reaches out of it. {_MARKING}",
    "HOLDOUT": "Add a mask of something in front of the objects below it in the list, which takes its coverage away "
    f"from their mattes. {_MARKING}",
}


class CLIP_OT_matte_object_add(ClipOperator, Operator):
    """Add an object to compute mattes of, or a mask that takes something away from all mattes"""

    bl_idname = "clip.matte_object_add"
    bl_label = "Add Object"
    bl_options = {"REGISTER", "UNDO"}

    name: StringProperty(
        name="Name", description="Name of the object. Leave empty to use its number", options={"SKIP_SAVE"}
    )
    role: EnumProperty(name="Role", items=ROLE_ITEMS, default="OBJECT", options={"SKIP_SAVE"})

    @classmethod
    def description(cls, context: Context, properties: CLIP_OT_matte_object_add) -> str:
        return _DESCRIPTIONS[properties.role]

    def run(self, context: Context) -> str:
        return f"Added {objects.add_object(clip_in(context), name=self.name, role=self.role).name}"


class CLIP_OT_matte_object_duplicate(ObjectOperator, Operator):
    """Duplicate the active object with its keyframes"""

    bl_idname = "clip.matte_object_duplicate"
    bl_label = "Duplicate Object"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: Context) -> str:
        clip, original = clip_in(context), object_in(context).object_id
        copy = objects.duplicate_active_object(clip)
        count = copy_keyframes(clip, original, copy.object_id)
        return f"Added {copy.name} with {counted(count, 'keyframe')}"


class CLIP_OT_matte_object_move(ObjectOperator, Operator):
    """Move the active object up or down in the list. Where keyframes overlap, the object higher in the list is in \
front"""

    bl_idname = "clip.matte_object_move"
    bl_label = "Move Object"
    bl_options = {"REGISTER", "UNDO"}

    direction: EnumProperty(
        name="Direction",
        items=(("UP", "Up", "Bring the object to the front"), ("DOWN", "Down", "Send the object to the back")),
        default="UP",
        options={"SKIP_SAVE"},
    )

    def run(self, context: Context) -> str:
        item = object_in(context)
        name, step = item.name, -1 if self.direction == "UP" else 1
        if objects.move_active_object(clip_in(context), step):
            return ""
        return f"{name} is already at the {'top' if step < 0 else 'bottom'} of the list"


class CLIP_OT_matte_object_remove(ObjectOperator, Operator):
    """Remove the active object and its keyframes, after asking. Its mattes stay on disk until the next Propagate"""

    bl_idname = "clip.matte_object_remove"
    bl_label = "Remove Object"
    bl_options = {"REGISTER", "UNDO"}

    def invoke(self, context: Context, event: Event) -> set[str]:
        try:
            item = object_in(context)
            objects.check_unlocked(clip_in(context), item.object_id)
        except EngineError as error:
            return self.refuse(error)
        self._lost = objects.lost_with(clip_in(context), item)
        if not self._lost:
            return self.execute(context)
        self._name, self._has_mattes = item.name, bool(objects.matte_numbers(clip_in(context), item.object_id))
        return context.window_manager.invoke_props_dialog(self, width=430, title="Remove Object", confirm_text="Remove")

    def draw(self, context: Context) -> None:
        column = self.layout.column(align=True)
        column.label(text=f"Remove {self._name}, {self._lost}?", icon="QUESTION")
        column.label(text="Undo brings all of it back. Mask layers and nodes made from it stay.", icon="BLANK1")
        if self._has_mattes:
            column.label(text="Its mattes stay on disk until others are computed, or Clear Mattes.", icon="BLANK1")

    def run(self, context: Context) -> str:
        clip, object_id = clip_in(context), object_in(context).object_id
        name = objects.remove_active_object(clip)
        locks.forget(clip, object_id)
        return f"Removed {name}"


CLASSES = (
    CLIP_OT_matte_object_add,
    CLIP_OT_matte_object_duplicate,
    CLIP_OT_matte_object_move,
    CLIP_OT_matte_object_remove,
)
