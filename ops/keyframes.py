"""Operators that set a keyframe from a mask or an image, clear it, and jump between keyframes."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
from bpy.props import BoolProperty, EnumProperty, StringProperty
from bpy.types import Context, Event, MovieClip, Operator

from ..addon import clips, keyframes, mask_colours, mask_images
from ..addon.objects import active_object, add_object, check_unlocked, find_object
from ..addon.properties import MatteObject
from ..engine.shared.alphas import INSIDE
from ..engine.shared.errors import KeyframeNotLabels, NoActiveMask
from ..engine.shared.mask_images import Masks
from .common import MASKS_ITEMS, ClipOperator, ObjectOperator, clip_in, object_in


class CLIP_OT_matte_keyframe_from_mask(ObjectOperator, Operator):
    """Set the active object's keyframe on this frame from the mask shown in this editor. Its feather is kept"""

    bl_idname = "clip.matte_keyframe_from_mask"
    bl_label = "Keyframe from Mask"
    bl_options = {"REGISTER", "UNDO"}

    absent: BoolProperty(
        name="Object Not Visible",
        description="The object is not visible on this frame",
        default=False,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, context: Context, properties: CLIP_OT_matte_keyframe_from_mask) -> str:
        if properties.absent:
            return "Mark the active object as not visible on the current frame, where its matte is then empty"
        return cls.__doc__ or ""

    def run(self, context: Context) -> str:
        clip, item, frame = clip_in(context), object_in(context), context.scene.frame_current
        if self.absent:
            keyframes.set_absent(clip, item.object_id, frame)
            return f"{item.name} is not visible on frame {frame}"
        clips.media_frame_inside(clip, frame)
        mask = context.space_data.mask
        if mask is None:
            raise NoActiveMask("no mask is selected in this editor")
        alpha = keyframes.mask_alpha(mask, clip, context.scene, item.object_id)
        return _set_keyframe(clip, item, frame, alpha)


class CLIP_OT_matte_keyframe_from_image(ClipOperator, Operator):
    """Set the active object's keyframe on this frame from an image of the clip's size. Soft edges stay soft"""

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
        items=MASKS_ITEMS,
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
        alpha, summary = mask_images.object_alpha(path, clip, item.object_id, Masks[self.masks])
        return _set_keyframe(clip, item, frame, alpha, summary)

    def _import_all(self, context: Context, path: Path) -> str:
        clip, frame = clip_in(context), context.scene.frame_current
        clips.media_frame_inside(clip, frame)
        image = mask_images.all_objects(path, clip, Masks[self.masks])
        choice = mask_colours.taken_for(clip, image.meaning.colours)
        taken = {number: number for number in image.alphas} | dict(enumerate(choice.values(), start=1))
        if not any(taken[number] for number in image.alphas):
            raise KeyframeNotLabels(f"{path.name} shows only colours that are ignored on this clip")
        for number in taken.values():
            check_unlocked(clip, number)
        alphas: dict[int, np.ndarray] = {}
        for number in image.alphas:
            if taken[number] == mask_colours.IGNORE:
                continue
            object_id = taken[number] = _object_for(clip, taken[number])
            alphas[object_id] = np.maximum(alphas.get(object_id, np.uint8(0)), image.alphas[number])
        for object_id, alpha in alphas.items():
            keyframes.set_keyframe(clip, object_id, frame, alpha)
        mask_colours.remember(clip, {colour: taken[number] for number, colour in enumerate(choice, start=1)})
        overlaps = [text for number in alphas for text in keyframes.overlap_messages(clip, number, frame)]
        told = mask_colours.told(clip, [*choice])
        parts = [f"Keyframes of {len(alphas)} objects set on frame {frame}", *overlaps, told or image.summary_text]
        return "; ".join(parts)


def _object_for(clip: MovieClip, object_id: int) -> int:
    """Return the object with a number, or a new one; it is added if it is not in the list. Raises TooManyObjects."""
    if object_id == mask_colours.NEW:
        return int(add_object(clip).object_id)
    return int((find_object(clip, object_id) or add_object(clip, object_id=object_id)).object_id)


class CLIP_OT_matte_keyframe_clear(ObjectOperator, Operator):
    """Clear the active object's keyframe on this frame, or the range on which it is not visible"""

    bl_idname = "clip.matte_keyframe_clear"
    bl_label = "Clear Keyframe"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: Context) -> str:
        item, frame = object_in(context), context.scene.frame_current
        check_unlocked(clip_in(context), item.object_id)
        if keyframes.clear_keyframe(clip_in(context), item.object_id, frame):
            return f"Cleared the keyframe of {item.name} on frame {frame}"
        return f"{item.name} has no keyframe on frame {frame}"


class CLIP_OT_matte_keyframe_jump(ClipOperator, Operator):
    """Go to the next or previous keyframe, or to the end of a range without an object. Visits only what the list \
shows"""

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
        item = active_object(clip) if clip.matting.keyframes_of_active else None
        keys = [key for key in clip.matting.keyframes if item is None or key.object_id == item.object_id]
        numbers = {number for key in keys for number in (key.number, keyframes.last_number(key))}
        frames = {clips.scene_frame_of(clip, number) for number in numbers}
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
    text = f"Keyframe of {item.name} set on frame {frame}: {np.count_nonzero(alpha >= INSIDE)} pixels"
    return "; ".join([text, *keyframes.overlap_messages(clip, item.object_id, frame), *filter(None, [summary])])


CLASSES = (
    CLIP_OT_matte_keyframe_from_mask,
    CLIP_OT_matte_keyframe_from_image,
    CLIP_OT_matte_keyframe_clear,
    CLIP_OT_matte_keyframe_jump,
)
