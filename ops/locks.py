"""Operators that lock frames, so that their mattes never change, and accept mattes as they are."""

from __future__ import annotations

from bpy.props import BoolProperty, IntProperty
from bpy.types import Context, Event, Operator

from ..addon import locks, quality, reviews, run_frames, state_watch, suggestions
from ..addon.clips import number_at
from ..engine.shared.errors import NothingPropagated
from ..engine.shared.mask_images import counted
from ..engine.shared.matte_folder import named_spans
from .common import ClipOperator, clip_in, object_in


def _frames(operator: CLIP_OT_matte_lock | CLIP_OT_matte_accept, context: Context) -> tuple[int, int]:
    """Return the scene frames that an operator was given; without any, the current one."""
    now = context.scene.frame_current
    first = operator.first if operator.properties.is_property_set("first") else now
    return first, operator.last if operator.properties.is_property_set("last") else first


class CLIP_OT_matte_lock(ClipOperator, Operator):
    """Protect mattes from changes on some frames, whatever is propagated"""

    bl_idname = "clip.matte_lock"
    bl_label = "Lock Frames"
    bl_options = {"REGISTER", "UNDO"}

    first: IntProperty(name="Start", description="First frame to lock", options={"SKIP_SAVE"})
    last: IntProperty(name="End", description="Last frame to lock", options={"SKIP_SAVE"})
    object_id: IntProperty(
        name="Object", description="Number of the object; 0: all objects", min=0, default=0, options={"SKIP_SAVE"}
    )
    unlock: BoolProperty(name="Unlock", description="Let mattes change again", default=False, options={"SKIP_SAVE"})

    @classmethod
    def description(cls, context: Context, properties: CLIP_OT_matte_lock) -> str:
        return "Let mattes change again on some frames" if properties.unlock else cls.__doc__ or ""

    def invoke(self, context: Context, event: Event) -> set[str]:
        if self.properties.is_property_set("first"):
            return self.execute(context)
        frames = run_frames.shown_range(clip_in(context))
        self.first, self.last = frames or (context.scene.frame_current,) * 2
        verb = "Unlock" if self.unlock else "Lock"
        title = f"{verb} Frames of {self._whose(context)}"
        return context.window_manager.invoke_props_dialog(self, title=title, confirm_text=verb)

    def draw(self, context: Context) -> None:
        self.layout.use_property_split = True
        column = self.layout.column(align=True)
        column.prop(self, "first")
        column.prop(self, "last")

    def run(self, context: Context) -> str:
        first, last = _frames(self, context)
        change = locks.unlock if self.unlock else locks.lock
        change(clip_in(context), first, last, self.object_id)
        done = "Unlocked" if self.unlock else "Locked"
        return f"{done} {self._whose(context)} on {named_spans('frame', range(first, last + 1))}"

    def _whose(self, context: Context) -> str:
        return quality.name_of(clip_in(context), self.object_id) if self.object_id else "All Objects"


class CLIP_OT_matte_accept(ClipOperator, Operator):
    """Accept the active object's matte on this frame as it is. It is listed as to fix again only if it changes"""

    bl_idname = "clip.matte_accept"
    bl_label = "Accept"
    bl_options = {"REGISTER", "UNDO"}

    first: IntProperty(name="Start", description="First frame to accept", options={"SKIP_SAVE"})
    last: IntProperty(name="End", description="Last frame to accept", options={"SKIP_SAVE"})
    object_id: IntProperty(
        name="Object", description="Number of the object; 0: the active one", min=0, default=0, options={"SKIP_SAVE"}
    )
    withdraw: BoolProperty(
        name="Withdraw", description="Let the mattes be listed again", default=False, options={"SKIP_SAVE"}
    )

    @classmethod
    def description(cls, context: Context, properties: CLIP_OT_matte_accept) -> str:
        if properties.withdraw:
            return "Let mattes be listed as to fix and suggested again"
        if properties.is_property_set("first"):
            return "Accept these mattes as they are: they are no longer listed or suggested, until they change"
        return cls.__doc__ or ""

    def run(self, context: Context) -> str:
        clip = clip_in(context)
        item = next((one for one in clip.matting.objects if one.object_id == self.object_id), None)
        item = item or object_in(context)
        first, last = _frames(self, context)
        state_watch.refresh(clip)
        frames = named_spans("frame", range(first, last + 1))
        if self.withdraw:
            reviews.withdraw(item, range(number_at(clip, first), number_at(clip, last) + 1))
            text = f"{item.name} on {frames} may be listed again"
        else:
            count = quality.accept(clip, item.object_id, first, last)
            if not count:
                raise NothingPropagated(f"there is no computed matte of {item.name} on {frames}")
            text = f"Accepted {counted(count, 'matte')} of {item.name}"
        state_watch.refresh(clip)
        suggestions.remove_accepted(clip)
        return text


CLASSES = (CLIP_OT_matte_lock, CLIP_OT_matte_accept)
