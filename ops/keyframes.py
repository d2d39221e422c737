"""Mask keyframes: from a mask, from an image, not here, clear, go to the next."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
from bpy.props import BoolProperty, EnumProperty, StringProperty
from bpy.types import Context, Event, MovieClip, Operator

from ..addon import clips, keyframes, mask_images
from ..addon.objects import add_object, find_object
from ..addon.properties import MatteObject
from ..engine.shared.errors import KeyframeNotLabels, NoActiveMask
from .common import ClipOperator, clip_in, object_in


class CLIP_OT_matte_keyframe_from_mask(ClipOperator, Operator):
    """Take the mask shown in this editor as the active object's keyframe on the current frame, exactly as Blender \
renders it. With 'Not Here', say that the object is not to be seen on this frame"""

    bl_idname = "clip.matte_keyframe_from_mask"
    bl_label = "Keyframe from Mask"
    bl_options = {"REGISTER", "UNDO"}

    absent: BoolProperty(
        name="Not Here", description="The object is not to be seen on this frame", default=False, options={"SKIP_SAVE"}
    )

    def run(self, context: Context) -> str:
        clip, item, frame = clip_in(context), object_in(context), context.scene.frame_current
        if self.absent:
            keyframes.set_absent(clip, item.object_id, frame)
            return f"{item.name} is not here on frame {frame}"
        clips.media_frame_inside(clip, frame)
        mask = context.space_data.mask
        if mask is None:
            raise NoActiveMask("no mask is chosen in this editor")
        pixels = keyframes.mask_pixels(mask, clip, context.scene, item.object_id)
        return _keep(clip, item, frame, pixels)


class CLIP_OT_matte_keyframe_from_image(ClipOperator, Operator):
    """Take an image file of the clip's size as the active object's keyframe on the current frame. In a label image \
(palette PNG, or grey PNG with values below 128) the object is where the value is its number, or any value if there \
is only one; in other images where it is opaque, or, without transparency, bright"""

    bl_idname = "clip.matte_keyframe_from_image"
    bl_label = "Keyframe from Image"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(name="Image", subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_image: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    all_objects: BoolProperty(
        name="All Objects",
        description="Take every object of a label image, and add those that are not in the list",
        default=False,
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: Context, event: Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context: Context) -> str:
        clip, frame = clip_in(context), context.scene.frame_current
        path = Path(bpy.path.abspath(self.filepath))
        if self.all_objects:
            return self._take_all(context, path)
        item = object_in(context)
        pixels = mask_images.object_pixels(path, clip, item.object_id)
        return _keep(clip, item, frame, pixels)

    def _take_all(self, context: Context, path: Path) -> str:
        clip, frame = clip_in(context), context.scene.frame_current
        clips.media_frame_inside(clip, frame)
        objects = mask_images.objects_in(path, clip)
        if not objects:
            raise KeyframeNotLabels(f"{path.name} holds no objects")
        for number, pixels in objects.items():
            if find_object(clip, number) is None:
                add_object(clip, object_id=number)
            keyframes.set_keyframe(clip, number, frame, pixels)
        said = [text for number in objects for text in keyframes.overlaps(clip, number, frame)]
        return "; ".join([f"Keyframes of {len(objects)} objects on frame {frame}", *said])


class CLIP_OT_matte_keyframe_clear(ClipOperator, Operator):
    """Clear the active object's keyframe on the current frame"""

    bl_idname = "clip.matte_keyframe_clear"
    bl_label = "Clear Keyframe"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: Context) -> str:
        item, frame = object_in(context), context.scene.frame_current
        if keyframes.clear_keyframe(clip_in(context), item.object_id, frame):
            return f"Cleared the keyframe of {item.name} on frame {frame}"
        return f"{item.name} has no keyframe on frame {frame}"


class CLIP_OT_matte_keyframe_jump(ClipOperator, Operator):
    """Go to the next or previous frame with a mask keyframe"""

    bl_idname = "clip.matte_keyframe_jump"
    bl_label = "Jump to Keyframe"
    bl_options = {"REGISTER"}

    to: EnumProperty(
        name="To",
        items=(("NEXT", "Next", "Forward"), ("PREVIOUS", "Previous", "Backward")),
        default="NEXT",
        options={"SKIP_SAVE"},
    )

    def run(self, context: Context) -> str:
        clip, now = clip_in(context), context.scene.frame_current
        frames = {clips.scene_frame_of(clip, key.number) for key in clip.matting.keyframes}
        if self.to == "NEXT":
            target = min((frame for frame in frames if frame > now), default=None)
        else:
            target = max((frame for frame in frames if frame < now), default=None)
        if target is None:
            return "There is no further keyframe"
        clips.show(context.scene, target)
        return ""


def _keep(clip: MovieClip, item: MatteObject, frame: int, pixels: np.ndarray) -> str:
    """Make the keyframe, and say what became of it."""
    keyframes.set_keyframe(clip, item.object_id, frame, pixels)
    said = [f"Keyframe of {item.name} on frame {frame}: {int(pixels.sum())} pixels"]
    return "; ".join(said + keyframes.overlaps(clip, item.object_id, frame))


CLASSES = (
    CLIP_OT_matte_keyframe_from_mask,
    CLIP_OT_matte_keyframe_from_image,
    CLIP_OT_matte_keyframe_clear,
    CLIP_OT_matte_keyframe_jump,
)
