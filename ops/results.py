"""Operators that convert mattes to mask layers, add them to the compositor, and delete results."""

from __future__ import annotations

from bpy.props import BoolProperty, EnumProperty
from bpy.types import Context, Event, MovieClip, Operator

from ..addon import clips, compositor, mask_layers
from ..addon.folders import clear_results, edited_images, existing_folder, results
from ..addon.objects import matted_objects
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
        space.mask = space.mask or clip.matting.mask
        compositor.refit(clip, renew_masks=True)
        warnings = skipped_object_warnings(context, self.which, set(object_ids).difference(result.skipped))
        untraced = untraced_frames(clip, object_ids)
        if without := [frame for frame in result.empty if frame not in untraced]:
            warnings.append(f"empty on frames without mattes: {spans(without)}")
        if untraced:
            frames = spans(sorted(untraced))
            warnings.append(f"the run was interrupted before mattes were traced on frames {frames}: let it finish")
        text = f"{len(result.layers)} mask layers written to mask {clip.matting.mask.name}"
        return report_warnings(self, text, warnings)


class CLIP_OT_matte_to_compositor(ClipOperator, Operator):
    """Add a group with the alpha and cut-out of every object to the scene's compositor, or update it. Your own nodes \
and links are kept"""

    bl_idname = "clip.matte_to_compositor"
    bl_label = "To Compositor"
    bl_options = {"REGISTER", "UNDO"}
    changes_clip = False  # nodes belong to the scene

    variant: EnumProperty(
        name="From",
        items=(
            ("MATTE", "Mattes", "The computed matte images, with soft edges"),
            ("MASK", "Mask Layers", "The mask layers, including your edits"),
        ),
        default="MATTE",
        options={"SKIP_SAVE"},
    )
    which: EnumProperty(name="Objects", items=OBJECT_ITEMS, default="ALL", options={"SKIP_SAVE"})
    fresh: BoolProperty(
        name="Make Anew",
        description="Make another group if you have changed the clip's group. Yours stays as it is",
        default=False,
        options={"SKIP_SAVE"},
    )
    replace: BoolProperty(
        name="Replace Old Nodes",
        description="Remove the nodes that an earlier version made. Links to your own nodes go to the group",
        default=False,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, context: Context, properties: CLIP_OT_matte_to_compositor) -> str:
        if properties.replace:
            return "Replace the nodes that an earlier version made by the clip's group. Your own nodes and links are kept"
        if properties.fresh:
            return "Make the clip's group anew. The one that you have changed stays as it is, and is yours"
        if properties.variant == "MASK":
            return "Add the same group, set to the mask layers with your edits, to the scene's compositor"
        return cls.__doc__ or ""

    def run(self, context: Context) -> str:
        clip, scene = clip_in(context), context.scene
        is_matte = self.variant == "MATTE"
        object_ids = _shown_ids(context, self.which) if is_matte else [item.object_id for item in matted_objects(clip)]
        active = chosen_object_ids(context, "ACTIVE")[0] if is_matte and self.which == "ACTIVE" else None
        choices = compositor.Choices(active, masks=not is_matte, fresh=self.fresh, replace=self.replace)
        result = compositor.add(scene, clip, object_ids, choices)
        warnings = []
        if is_matte:
            warnings += skipped_object_warnings(context, self.which, set(object_ids).difference(result.skipped))
        warnings += _node_warnings(clip, result)
        return report_warnings(self, f"Group '{result.group}' is in the compositor", warnings)


def _shown_ids(context: Context, which: str) -> list[int]:
    """Return the ids of the objects that a clip's group shows: those with keyframes, and the active one if chosen."""
    clip = clip_in(context)
    chosen = set(chosen_object_ids(context, which)) | {key.object_id for key in clip.matting.keyframes}
    return [item.object_id for item in matted_objects(clip) if item.object_id in chosen]


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


def _node_warnings(clip: MovieClip, result: compositor.CompositorResult) -> list[str]:
    warnings = []
    if result.missing:
        shown = "are transparent" if result.missing_are_empty else "use those of other frames"
        warnings.append(f"frames without mattes {shown}: {spans(result.missing)}")
    if result.changed:
        warnings.append(
            f"group '{result.group}' is kept as you have changed it, and only shows the mattes of now: for new objects, "
            "click Make Anew"
        )
    if not result.linked:
        warnings.append(f"the output is in use: link the outputs of node '{result.group}' where you need them")
    if not result.same_size:
        width, height = clips.pixel_size(clip)
        warnings.append(f"the render size differs from the clip's ({width}x{height})")
    return warnings


CLASSES = (
    CLIP_OT_matte_to_mask_layers,
    CLIP_OT_matte_to_compositor,
    CLIP_OT_matte_update_results,
    CLIP_OT_matte_clear,
)
