"""Operators of the lane: going to frames with the mouse, its menu, and jumps to what is stale or doubtful."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
from bpy.props import EnumProperty, IntProperty
from bpy.types import Context, Event, Operator

from ..addon import clips, lane_watch
from ..addon.lane import next_trouble
from ..addon.lane_place import Place, place_of
from ..addon.lane_words import words
from .common import HIDDEN, ClipOperator, clip_in, is_over_clip


class _LaneOperator(ClipOperator):
    """Operator that begins with the mouse over the lane; elsewhere the event is for others."""

    changes_clip = False

    if TYPE_CHECKING:  # properties of the subclasses
        frame: int
        object_id: int

    @classmethod
    def poll(cls, context: Context) -> bool:
        return super().poll(context) and is_over_clip(context) and clip_in(context).matting.show_lane

    def run(self, context: Context) -> str:
        """Go to the frame, and make the object active."""
        if self.frame != context.scene.frame_current:
            clips.show(context.scene, self.frame)
        _choose(context, self.object_id)
        return ""

    def begin(self, context: Context, event: Event) -> Place | None:
        """Take frame and object from under the mouse, and return the lane's place if the mouse is over it."""
        clip = clip_in(context)
        lane = lane_watch.watch(clip)
        place = place_of(lane, clip, context.area, context.region) if lane else None
        x, y = event.mouse_region_x, event.mouse_region_y
        if lane is None or place is None or not place.contains(x, y):
            return None
        self.frame, self.object_id = clips.scene_frame(clip, place.frame_at(x)), lane.rows[place.row_at(y)].object_id
        return place


def _choose(context: Context, object_id: int) -> None:
    """Make an object active, if it is in the list."""
    matting = clip_in(context).matting
    numbers = [item.object_id for item in matting.objects]
    if object_id in numbers:
        matting.active_object = numbers.index(object_id)


class CLIP_OT_matte_lane_go(_LaneOperator, Operator):
    """Go to the frame under the mouse while the button is held down, and make the object of the row active"""

    bl_idname = "clip.matte_lane_go"
    bl_label = "Go to Frame in Lane"
    bl_options = {"INTERNAL"}

    frame: IntProperty(name="Frame", description="Scene frame to go to", options=HIDDEN)
    object_id: IntProperty(name="Object", description="Number of the object to make active", options=HIDDEN)

    def invoke(self, context: Context, event: Event) -> set[str]:
        place = self.begin(context, event)
        if place is None:
            return {"PASS_THROUGH"}
        self._place, self._before = place, context.scene.frame_current
        if self.execute(context) != {"FINISHED"}:
            return {"CANCELLED"}
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: Context, event: Event) -> set[str]:
        if not self.poll(context) or (event.type == "LEFTMOUSE" and event.value == "RELEASE"):
            return {"FINISHED"}
        if event.type in ("ESC", "RIGHTMOUSE"):
            self.frame = self._before
            self.execute(context)
            return {"CANCELLED"}
        if event.type == "MOUSEMOVE":
            self.frame = clips.scene_frame(clip_in(context), self._place.frame_at(event.mouse_region_x))
            if self.execute(context) != {"FINISHED"}:
                return {"CANCELLED"}
        return {"RUNNING_MODAL"}


class CLIP_OT_matte_lane_menu(_LaneOperator, Operator):
    """Go to the frame under the mouse, make the object of the row active, and show what can be done there"""

    bl_idname = "clip.matte_lane_menu"
    bl_label = "Lane Menu"
    bl_options = {"INTERNAL"}

    frame: IntProperty(name="Frame", description="Scene frame to go to", options=HIDDEN)
    object_id: IntProperty(name="Object", description="Number of the object to make active", options=HIDDEN)

    def invoke(self, context: Context, event: Event) -> set[str]:
        if self.begin(context, event) is None:
            return {"PASS_THROUGH"}
        result = self.execute(context)
        if result == {"FINISHED"}:
            bpy.ops.wm.call_menu(name="CLIP_MT_matte_lane")
        return result


class CLIP_OT_matte_lane_jump(ClipOperator, Operator):
    """Jump to where the next or previous stretch of stale or doubtful mattes begins, and make its object active"""

    bl_idname = "clip.matte_lane_jump"
    bl_label = "Jump to Stale or Doubtful Frame"
    bl_options = {"REGISTER"}
    changes_clip = False

    to: EnumProperty(
        name="To",
        items=(
            ("NEXT", "Next", "Jump to the next stale or doubtful frames"),
            ("PREVIOUS", "Previous", "Jump to the previous stale or doubtful frames"),
        ),
        default="NEXT",
        options={"SKIP_SAVE"},
    )

    def run(self, context: Context) -> str:
        clip = clip_in(context)
        lane = lane_watch.refresh(clip)
        current = clips.media_frame(clip, context.scene.frame_current)
        found = next_trouble(lane.codes, current, later=self.to == "NEXT") if lane else None
        if lane is None or found is None:
            return "No more stale or doubtful frames in this direction"
        frame, row = found
        clips.show(context.scene, clips.scene_frame(clip, frame))
        _choose(context, lane.rows[row].object_id)
        name, *lines = words(clip, lane, row, frame)
        return f"{name}: {'; '.join(lines)}"


CLASSES = (CLIP_OT_matte_lane_go, CLIP_OT_matte_lane_menu, CLIP_OT_matte_lane_jump)
