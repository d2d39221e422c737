"""Operators that copy, paste and clear keyframes, and mark ranges of frames on which an object is not visible."""

from __future__ import annotations

from bpy.props import BoolProperty, IntProperty
from bpy.types import Context, Event, Operator

from ..addon import absences, clipboard, keyframes
from ..addon.objects import check_unlocked, clear_keyframes, keyframe_count
from ..engine.shared.errors import EngineError
from ..engine.shared.mask_images import counted
from .common import ClipOperator, ObjectOperator, clip_in, object_in


class CLIP_OT_matte_keyframe_copy(ObjectOperator, Operator):
    """Copy the active object's keyframe on the current frame"""

    bl_idname = "clip.matte_keyframe_copy"
    bl_label = "Copy Keyframe"
    bl_options = {"REGISTER"}
    changes_clip = False

    def run(self, context: Context) -> str:
        item, frame = object_in(context), context.scene.frame_current
        clipboard.copy(clip_in(context), item.object_id, frame)
        return f"Copied the keyframe of {item.name} on frame {frame}"


class CLIP_OT_matte_keyframe_paste(ClipOperator, Operator):
    """Set the active object's keyframe on the current frame to the copied one"""

    bl_idname = "clip.matte_keyframe_paste"
    bl_label = "Paste Keyframe"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        if clipboard.copied is None:
            cls.poll_message_set("Copy a keyframe first")
            return False
        return super().poll(context)

    def run(self, context: Context) -> str:
        clip, item, frame = clip_in(context), object_in(context), context.scene.frame_current
        clipboard.paste(clip, item.object_id, frame)
        overlaps = keyframes.overlap_messages(clip, item.object_id, frame)
        return "; ".join([f"Pasted the keyframe to {item.name} on frame {frame}", *overlaps])


class CLIP_OT_matte_keyframes_clear(ObjectOperator, Operator):
    """Clear all keyframes of the active object"""

    bl_idname = "clip.matte_keyframes_clear"
    bl_label = "Clear All Keyframes of Object"
    bl_options = {"REGISTER", "UNDO"}

    def invoke(self, context: Context, event: Event) -> set[str]:
        try:
            clip, item = clip_in(context), object_in(context)
            check_unlocked(clip, item.object_id)
        except EngineError as error:
            return self.refuse(error)
        count = keyframe_count(clip, item.object_id)
        if not count:
            return self.execute(context)
        return context.window_manager.invoke_confirm(
            self,
            event,
            title="Clear All Keyframes",
            message=f"Clear {counted(count, 'keyframe')} of {item.name}? Undo brings them back.",
            confirm_text="Clear",
        )

    def run(self, context: Context) -> str:
        item = object_in(context)
        count = clear_keyframes(clip_in(context), item.object_id)
        return f"Cleared {counted(count, 'keyframe')} of {item.name}"


class CLIP_OT_matte_not_visible_range(ObjectOperator, Operator):
    """Say that the active object is not in the picture on a range of frames. Its mattes are empty there, except on \
keyframes"""

    bl_idname = "clip.matte_not_visible_range"
    bl_label = "Object Not Visible on Range"
    bl_options = {"REGISTER", "UNDO"}

    start: IntProperty(name="Start", description="First frame without the object", options={"SKIP_SAVE"})
    end: IntProperty(name="End", description="Last frame without the object", options={"SKIP_SAVE"})
    replace: BoolProperty(
        name="Change the Range on This Frame",
        description="Change the range on the current frame, which can make it shorter, rather than add to it",
        default=False,
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: Context, event: Event) -> set[str]:
        try:
            clip, item = clip_in(context), object_in(context)
            check_unlocked(clip, item.object_id)
            self.start, self.end, self.replace = absences.range_to_offer(clip, item.object_id, context.scene)
        except EngineError as error:
            return self.refuse(error)
        self._offer_replace = self.replace
        return context.window_manager.invoke_props_dialog(self, title=f"{item.name} Is Not Visible", confirm_text="Set")

    def draw(self, context: Context) -> None:
        column = self.layout.column(align=True)
        column.use_property_split = True
        column.prop(self, "start")
        column.prop(self, "end")
        if self._offer_replace:
            self.layout.prop(self, "replace")
        self.layout.label(text="Keyframes within the range count on their frames", icon="INFO")

    def run(self, context: Context) -> str:
        clip, item = clip_in(context), object_in(context)
        at = context.scene.frame_current if self.replace else None
        overriding = absences.set_absence(clip, item.object_id, self.start, self.end, instead_of=at)
        text = f"{item.name} is not visible on frames {self.start} to {self.end}"
        if overriding:
            text += f", except on {counted(overriding, 'frame')} with a keyframe"
        return text


CLASSES = (
    CLIP_OT_matte_keyframe_copy,
    CLIP_OT_matte_keyframe_paste,
    CLIP_OT_matte_keyframes_clear,
    CLIP_OT_matte_not_visible_range,
)
