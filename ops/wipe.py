"""Operators of the before/after view: its switch, and dragging the line between the two sides."""

from __future__ import annotations

from bpy.props import FloatProperty
from bpy.types import Context, Event, Operator

from ..addon import versions, wipe
from ..addon.brush_settings import settings
from ..addon.clip_view import ClipView
from ..engine.shared.errors import ClipUnreadable
from .common import HIDDEN, ClipOperator, clip_in, is_over_clip


class CLIP_OT_matte_before_after(ClipOperator, Operator):
    """Show the mattes before the last run on the left of a line, and those of now on its right. Nothing on the disk \
changes"""

    bl_idname = "clip.matte_before_after"
    bl_label = "Before / After"
    # No undo step: what undo takes back should be work, and not how it is looked at.
    bl_options = {"REGISTER"}
    changes_clip = False

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not super().poll(context):
            return False
        clip = clip_in(context)
        reason = "" if clip.matting.show_before else wipe.refusal(clip)
        if reason:
            cls.poll_message_set(reason)
        return not reason

    @classmethod
    def description(cls, context: Context, properties: Operator) -> str:
        found = versions.compared(clip_in(context))
        return f"{cls.__doc__}. {versions.run_words(found[1])}" if found else f"{cls.__doc__}"

    def run(self, context: Context) -> str:
        matting = clip_in(context).matting
        matting.show_before = not matting.show_before
        if matting.show_before:
            matting.show_overlay = True
        return ""


class CLIP_OT_matte_wipe(ClipOperator, Operator):
    """Move the line between before and after with the mouse"""

    bl_idname = "clip.matte_wipe"
    bl_label = "Move Wipe"
    bl_options = {"INTERNAL"}
    changes_clip = False

    position: FloatProperty(
        name="Position",
        description="Place of the line, from the left of the picture (0) to its right (1)",
        min=0.0,
        max=1.0,
        default=0.5,
        options=HIDDEN,
    )

    @classmethod
    def poll(cls, context: Context) -> bool:
        return super().poll(context) and is_over_clip(context) and wipe.compared(clip_in(context)) is not None

    def run(self, context: Context) -> str:
        clip_in(context).matting.wipe = self.position
        return ""

    def invoke(self, context: Context, event: Event) -> set[str]:
        clip, x = clip_in(context), event.mouse_region_x
        try:
            place = wipe.place_of(clip, _view(context), context.area, context.region)
        except ClipUnreadable:
            place = None
        # The brush is given all places but the handle
        if place is None or not place.is_grabbed(x, event.mouse_region_y, by_handle=settings().use_paint):
            return {"PASS_THROUGH"}
        self._before, self._off = clip.matting.wipe, x - place.x
        context.window.cursor_modal_set("MOVE_X")
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: Context, event: Event) -> set[str]:
        if not self.poll(context) or (event.type == "LEFTMOUSE" and event.value == "RELEASE"):
            return self._end(context, {"FINISHED"})
        if event.type in ("ESC", "RIGHTMOUSE"):
            self.position = self._before
            self.execute(context)
            return self._end(context, {"CANCELLED"})
        if event.type == "MOUSEMOVE":
            try:
                self.position = wipe.position_at(_view(context), event.mouse_region_x - self._off)
            except ClipUnreadable:  # the file has just gone
                return self._end(context, {"CANCELLED"})
            self.execute(context)
        elif event.type.startswith("TIMER"):
            return {"PASS_THROUGH"}  # playback goes on
        return {"RUNNING_MODAL"}

    def cancel(self, context: Context) -> None:
        """Give the cursor its shape back, since Blender closes the editor or another file is loaded."""
        context.window.cursor_modal_restore()

    def _end(self, context: Context, result: set[str]) -> set[str]:
        context.window.cursor_modal_restore()
        return result


def _view(context: Context) -> ClipView:
    """Return how the editor shows its clip. Raises ClipUnreadable."""
    return ClipView.of(context.space_data, context.region)


CLASSES = (CLIP_OT_matte_before_after, CLIP_OT_matte_wipe)
