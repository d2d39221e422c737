"""Operators that set a keyframe from a mask or an image, clear it, and jump between keyframes."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
from bpy.props import BoolProperty, EnumProperty, StringProperty
from bpy.types import Context, Event, MovieClip, Operator

from ..addon import clips, keyframes, mask_images
from ..addon.objects import add_object, find_object
from ..addon.properties import MatteObject
from ..engine.shared.errors import NoActiveMask
from ..engine.shared.mask_images import Masks
from .common import ClipOperator, clip_in, object_in


class CLIP_OT_matte_keyframe_from_mask(ClipOperator, Operator):
    """Set the active object's keyframe on the current frame from the mask shown in this editor, as Blender \
renders it. With 'Absent', mark the object as not visible on this frame"""

    bl_idname = "clip.matte_keyframe_from_mask"
    bl_label = "Keyframe from Mask"
    bl_options = {"REGISTER", "UNDO"}

    absent: BoolProperty(
        name="Absent", description="The object is not visible on this frame", default=False, options={"SKIP_SAVE"}
    )

    def run(self, context: Context) -> str:
        clip, item, frame = clip_in(context), object_in(context), context.scene.frame_current
        if self.absent:
            keyframes.set_absent(clip, item.object_id, frame)
            return f"{item.name} is absent on frame {frame}"
        clips.media_frame_inside(clip, frame)
        mask = context.space_data.mask
        if mask is None:
            raise NoActiveMask("no mask is selected in this editor")
        alpha = keyframes.mask_alpha(mask, clip, context.scene, item.object_id)
        return _set_keyframe(clip, item, frame, alpha)


class CLIP_OT_matte_keyframe_from_image(ClipOperator, Operator):
    """Set the active object's keyframe on the current frame from an image of the clip's size. From object numbers or \
colours on black, use the pixels of the object's number, or all of them if the image shows only one object. From other \
images, use opaque pixels, or bright ones without transparency"""

    bl_idname = "clip.matte_keyframe_from_image"
    bl_label = "Keyframe from Image"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(name="Image", subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_image: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    all_objects: BoolProperty(
        name="All Objects",
        description="Set keyframes for all objects of a label image, and add objects that are not in the list",
        default=False,
        options={"SKIP_SAVE"},
    )

    masks: EnumProperty(
        name="Image Holds",
        description="What the image says about the objects",
        items=(
            ("AUTO", "Automatic", "Whatever its values, palette and alpha say"),
            ("NUMBERS", "Object Numbers", "The value of a pixel, or the index of its palette entry, is its object"),
            ("BINARY", "Black and White", "The object is what is brighter than mid-grey"),
            ("ALPHA", "Alpha", "The object is what is opaque"),
            ("COLOURS", "Colours", "Each colour but black is an object"),
        ),
        default="AUTO",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: Context, event: Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context: Context) -> str:
        clip, frame = clip_in(context), context.scene.frame_current
        path = Path(bpy.path.abspath(self.filepath))
        if self.all_objects:
            return self._import_all(context, path)
        item = object_in(context)
        pixels, summary = mask_images.object_pixels(path, clip, item.object_id, Masks[self.masks])
        return _set_keyframe(clip, item, frame, keyframes.hard_alpha(pixels), summary)

    def _import_all(self, context: Context, path: Path) -> str:
        clip, frame = clip_in(context), context.scene.frame_current
        clips.media_frame_inside(clip, frame)
        objects, summary = mask_images.all_object_pixels(path, clip, Masks[self.masks])
        for number, pixels in objects.items():
            if find_object(clip, number) is None:
                add_object(clip, object_id=number)
            keyframes.set_keyframe(clip, number, frame, keyframes.hard_alpha(pixels))
        overlaps = [text for number in objects for text in keyframes.overlap_messages(clip, number, frame)]
        return "; ".join([f"Keyframes of {len(objects)} objects set on frame {frame}", *overlaps, summary])


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
    """Jump to the next or previous frame with a mask keyframe"""

    bl_idname = "clip.matte_keyframe_jump"
    bl_label = "Jump to Keyframe"
    bl_options = {"REGISTER"}
    changes_clip = False

    to: EnumProperty(
        name="To",
        items=(
            ("NEXT", "Next", "Jump to the next keyframe"),
            ("PREVIOUS", "Previous", "Jump to the previous keyframe"),
        ),
        default="NEXT",
        options={"SKIP_SAVE"},
    )

    def run(self, context: Context) -> str:
        clip, current = clip_in(context), context.scene.frame_current
        frames = {clips.scene_frame_of(clip, key.number) for key in clip.matting.keyframes}
        if self.to == "NEXT":
            target = min((frame for frame in frames if frame > current), default=None)
        else:
            target = max((frame for frame in frames if frame < current), default=None)
        if target is None:
            return "No more keyframes to jump to in this direction"
        clips.show(context.scene, target)
        return ""


def _set_keyframe(clip: MovieClip, item: MatteObject, frame: int, alpha: np.ndarray, summary: str = "") -> str:
    """Set the keyframe, and return the text to report; `summary` says what was taken from an image."""
    keyframes.set_keyframe(clip, item.object_id, frame, alpha)
    text = f"Keyframe of {item.name} set on frame {frame}: {np.count_nonzero(alpha >= keyframes.INSIDE)} pixels"
    return "; ".join([text, *keyframes.overlap_messages(clip, item.object_id, frame), *filter(None, [summary])])


CLASSES = (
    CLIP_OT_matte_keyframe_from_mask,
    CLIP_OT_matte_keyframe_from_image,
    CLIP_OT_matte_keyframe_clear,
    CLIP_OT_matte_keyframe_jump,
)
