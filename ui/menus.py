"""Menus of the lists of objects and keyframes, and the settings of the active mask."""

from __future__ import annotations

from bpy.types import Context, Menu, MovieClip, UILayout

from ..addon.objects import active_object
from .lists import ROLE_ICONS
from .status import draw_text


class CLIP_MT_matte_objects(Menu):
    """Add objects and masks, and duplicate the active one."""

    bl_label = "Objects and Masks"

    def draw(self, context: Context) -> None:
        for role, text in (("OBJECT", "Object"), ("GARBAGE", "Garbage Mask"), ("HOLDOUT", "Hold-Out Mask")):
            self.layout.operator("clip.matte_object_add", text=f"Add {text}", icon=ROLE_ICONS[role]).role = role
        self.layout.separator()
        self.layout.operator("clip.matte_object_duplicate", text="Duplicate", icon="DUPLICATE")
        self.layout.separator()
        item = active_object(context.space_data.clip)
        is_object = item is not None and item.role == "OBJECT"
        for unlock, icon in ((False, "LOCKED"), (True, "UNLOCKED")):
            verb = "Unlock" if unlock else "Lock"
            if item is not None and is_object:
                operator = self.layout.operator("clip.matte_lock", text=f"{verb} Frames of {item.name}...", icon=icon)
                operator.object_id, operator.unlock = item.object_id, unlock
            self.layout.operator("clip.matte_lock", text=f"{verb} Frames of All Objects...", icon=icon).unlock = unlock
        if item is not None and is_object:
            self.layout.operator("clip.matte_accept", text="Accept This Frame", icon="CHECKMARK")
            self.layout.separator()
            self.layout.label(text=f"Number {item.object_id} in label images and reports")


class CLIP_MT_matte_keyframes(Menu):
    """Copy, paste and clear keyframes of the active object."""

    bl_label = "Keyframes"

    def draw(self, context: Context) -> None:
        layout = self.layout
        layout.operator("clip.matte_keyframe_copy", icon="COPYDOWN")
        layout.operator("clip.matte_keyframe_paste", icon="PASTEDOWN")
        layout.separator()
        layout.operator("clip.matte_keyframe_clear", icon="X")
        layout.operator("clip.matte_keyframes_clear", icon="TRASH")
        layout.separator()
        layout.operator("clip.matte_keyframe_jump", text="Next Keyframe", icon="NEXT_KEYFRAME").to = "NEXT"
        layout.operator("clip.matte_keyframe_jump", text="Previous Keyframe", icon="PREV_KEYFRAME").to = "PREVIOUS"


def draw_object_settings(layout: UILayout, clip: MovieClip) -> None:
    """Draw what the order of the list means, and the settings of the active mask."""
    item = active_object(clip)
    column = layout.column(align=True)
    column.active = False
    if len(clip.matting.objects) > 1:
        column.label(text="Objects higher in the list are in front")
    if item is None:
        return
    if item.role == "OBJECT":
        return
    box = layout.box()
    box.prop(item, "source_mask", text="")
    if item.role == "GARBAGE":
        box.prop(item, "invert")
    if item.source_mask is None:
        draw_text(box, "Choose a Blender mask, or paint it. A keyframe holds until the next one", icon="INFO")


CLASSES = (CLIP_MT_matte_objects, CLIP_MT_matte_keyframes)
