"""Operators that give the active object a keyframe to paint on: empty, or from a neighbour or another object."""

from __future__ import annotations

import numpy as np
from bpy.props import EnumProperty, IntProperty
from bpy.types import Context, Operator

from ..addon import clips, keyframes, painting, starts
from ..addon.objects import find_object
from ..engine.shared.errors import NoActiveObject
from .common import ObjectOperator, clip_in, object_in


class CLIP_OT_matte_start_empty(ObjectOperator, Operator):
    """Begin this frame without the computed matte. Until you paint it, the active object counts as not visible here"""

    bl_idname = "clip.matte_start_empty"
    bl_label = "Start Empty"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: Context) -> str:
        item, frame = object_in(context), context.scene.frame_current
        clip = clip_in(context)
        number = clips.number_inside(clip, frame)
        keyframes.set_absent(clip, item.object_id, frame)
        painting.drop_unstored(clip, item.object_id, number)
        return f"{item.name} is empty on frame {frame}, and not visible there until you paint it"


class CLIP_OT_matte_start_from_keyframe(ObjectOperator, Operator):
    """Copy the active object's previous or next keyframe to the current frame, to paint on it"""

    bl_idname = "clip.matte_start_from_keyframe"
    bl_label = "Start from Keyframe"
    bl_options = {"REGISTER", "UNDO"}

    which: EnumProperty(
        name="Keyframe",
        items=(
            ("PREVIOUS", "Previous", "The nearest keyframe before this frame"),
            ("NEXT", "Next", "The nearest keyframe after this frame"),
        ),
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, context: Context, properties: CLIP_OT_matte_start_from_keyframe) -> str:
        which = "next" if properties.which == "NEXT" else "previous"
        return f"Copy the active object's {which} keyframe to the current frame, to paint on it"

    def run(self, context: Context) -> str:
        clip, item, frame = clip_in(context), object_in(context), context.scene.frame_current
        number = clips.number_inside(clip, frame)
        alpha, nearest = starts.neighbour_alpha(clip, item.object_id, number, later=self.which == "NEXT")
        source = f"its keyframe on frame {clips.scene_frame_of(clip, nearest)}"
        return _start(context, number, alpha, source)


class CLIP_OT_matte_start_from_object(ObjectOperator, Operator):
    """Copy another object's keyframe or computed matte on the current frame to the active object, to paint on it"""

    bl_idname = "clip.matte_start_from_object"
    bl_label = "Start from Object"
    bl_options = {"REGISTER", "UNDO"}

    source: IntProperty(name="Object", description="Number of the object to copy", options={"SKIP_SAVE"})

    def run(self, context: Context) -> str:
        clip, frame = clip_in(context), context.scene.frame_current
        number = clips.number_inside(clip, frame)
        source = find_object(clip, self.source)
        if source is None:
            raise NoActiveObject(f"the clip has no object with the number {self.source}", remedy="Choose another.")
        return _start(context, number, starts.object_alpha(clip, self.source, number, source.name), source.name)


def _start(context: Context, number: int, alpha: np.ndarray, source: str) -> str:
    """Set the active object's keyframe on the current frame, with the file number `number`, to `alpha`.

    Returns a text that names the source.
    """
    clip, item, frame = clip_in(context), object_in(context), context.scene.frame_current
    keyframes.set_keyframe(clip, item.object_id, frame, alpha)
    painting.drop_unstored(clip, item.object_id, number)
    return f"{item.name} starts from {source} on frame {frame}"


CLASSES = (CLIP_OT_matte_start_empty, CLIP_OT_matte_start_from_keyframe, CLIP_OT_matte_start_from_object)
