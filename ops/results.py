"""Operators that convert mattes to mask layers, make results fit the clip, and delete them."""

from __future__ import annotations

from bpy.props import BoolProperty, EnumProperty
from bpy.types import Context, Event, Operator

from ..addon import compositor, mask_edits, mask_layers
from ..addon.folders import clear_results, edited_images, existing_folder, results
from ..addon.session import session
from ..addon.traced import untraced_frames
from ..engine.shared.errors import EngineBusy, EngineError, NothingPropagated
from ..engine.shared.matte_folder import spans
from .common import (
    OBJECT_ITEMS,
    ClipOperator,
    chosen_object_ids,
    clip_in,
    report_warnings,
    skipped_object_warnings,
)


class CLIP_OT_matte_to_mask_layers(ClipOperator, Operator):
    """Create mask layers from the mattes, one per object, keyed on every frame. Layers created earlier are replaced, \
your own are kept"""

    bl_idname = "clip.matte_to_mask_layers"
    bl_label = "To Mask Layers"
    bl_options = {"REGISTER", "UNDO"}

    which: EnumProperty(name="Objects", items=OBJECT_ITEMS, default="ALL", options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not super().poll(context):
            return False
        clip = clip_in(context)
        if not results(clip).outlines:
            cls.poll_message_set(NothingPropagated(f"clip {clip.name} has no outlines yet").sentence())
            return False
        return True

    def run(self, context: Context) -> str:
        clip, space = clip_in(context), context.space_data
        object_ids = chosen_object_ids(context, self.which)
        result = mask_layers.write_layers(
            clip,
            object_ids,
            window=context.window or context.window_manager.windows[0],
            area=context.area,
        )
        not_shown = mask_edits.show_mask(space, clip)
        compositor.refit(clip, renew_masks=True)
        warnings = skipped_object_warnings(context, self.which, set(object_ids).difference(result.skipped))
        warnings += [not_shown] if not_shown else []
        untraced = untraced_frames(clip, object_ids)
        if without := [frame for frame in result.empty if frame not in untraced]:
            warnings.append(f"empty on frames without mattes: {spans(without)}")
        if untraced:
            frames = spans(sorted(untraced))
            warnings.append(f"the run was interrupted before mattes were traced on frames {frames}: let it finish")
        text = f"{len(result.layers)} mask layers written to mask {clip.matting.mask.name}"
        return report_warnings(self, text, warnings)


class CLIP_OT_matte_update_results(ClipOperator, Operator):
    """Make mask layers and compositor nodes fit the clip again, after its start, offset or aspect was changed. Mask \
layers made from mattes are replaced, your own are kept"""

    bl_idname = "clip.matte_update_results"
    bl_label = "Fit to Clip"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: Context) -> str:
        clip = clip_in(context)
        window = context.window or context.window_manager.windows[0]
        mask_layers.update_layers(clip, window=window, area=context.area)
        compositor.refit(clip, renew_masks=True)
        return "Mask layers and nodes fit the clip"


class CLIP_OT_matte_clear(ClipOperator, Operator):
    """Delete this clip's mattes, those that runs have replaced, and adapted weights from disk. Keyframes, masks and \
nodes are kept"""

    bl_idname = "clip.matte_clear"
    bl_label = "Clear Mattes"
    bl_options = {"REGISTER"}

    edited: BoolProperty(
        name="Delete Edited Mattes",
        description="Also delete the mattes that were edited by hand since they were computed",
        default=False,
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: Context, event: Event) -> set[str]:
        try:
            self._edited_count = edited_images(clip_in(context))
        except EngineError as error:
            return self.refuse(error)
        if self._edited_count:
            return context.window_manager.invoke_props_dialog(self)
        return context.window_manager.invoke_confirm(self, event)

    def draw(self, context: Context) -> None:
        count = self._edited_count
        self.layout.label(text="1 matte was edited by hand" if count == 1 else f"{count} mattes were edited by hand")
        self.layout.prop(self, "edited")

    def run(self, context: Context) -> str:
        clip = clip_in(context)
        folder = existing_folder(clip)
        if session.status.busy and folder is not None and session.status.folder == folder.root:
            raise EngineBusy("this clip's mattes are in use by a running operation")
        cleared = clear_results(clip, edited=self.edited)
        text = f"Deleted {cleared.deleted} files" if cleared.deleted else "Nothing to clear"
        return f"{text}; {cleared.kept} that were edited by hand are kept" if cleared.kept else text


CLASSES = (
    CLIP_OT_matte_to_mask_layers,
    CLIP_OT_matte_update_results,
    CLIP_OT_matte_clear,
)
