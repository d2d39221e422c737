"""Operators that make mask layers from mattes, and make results fit the clip."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty
from bpy.types import Context, Event, Operator

from ..addon import compositor, edit_records, mask_layers, mask_splines
from ..addon.listening import listen
from ..addon.session import session
from ..engine.shared.mask_images import counted
from .common import (
    OBJECT_ITEMS,
    ClipOperator,
    MattesOperator,
    chosen_object_ids,
    clip_in,
    matted_ids,
    report_warnings,
    skipped_object_warnings,
    window_of,
)


class CLIP_OT_matte_to_mask_layers(MattesOperator, Operator):
    """Fit splines with few points and keys to the mattes, as mask layers that you can edit. Your own and locked \
layers are kept"""

    bl_idname = "clip.matte_to_mask_layers"
    bl_label = "To Mask Layers"
    bl_options = {"REGISTER", "UNDO"}

    which: EnumProperty(name="Objects", items=OBJECT_ITEMS, default="ALL", options={"SKIP_SAVE"})
    on_track: BoolProperty(
        name="On Active Track",
        description="Let the selected track or plane track carry the splines, so that fewer keys are needed",
        default=False,
        options={"SKIP_SAVE"},
    )
    edits: EnumProperty(
        name="Your Edits",
        items=(
            (mask_splines.KEEP, "Keep My Edits", "Make new splines that show your edits on the frames you have edited"),
            (mask_splines.LEAVE, "Leave Edited Objects", "Leave the mask layers of objects that you have edited"),
            (mask_splines.DISCARD, "Discard My Edits", "Make new splines of the mattes alone"),
        ),
        default=mask_splines.KEEP,
        options={"SKIP_SAVE"},
    )
    wait: BoolProperty(
        name="Wait", description="Wait until the operation has finished", default=False, options={"SKIP_SAVE"}
    )

    def invoke(self, context: Context, event: Event) -> set[str]:
        if not edit_records.edited_objects(clip_in(context)):
            return self.execute(context)
        return context.window_manager.invoke_props_dialog(self, confirm_text="Make Mask Layers")

    def draw(self, context: Context) -> None:
        layout = self.layout
        layout.prop(self, "which", expand=True)
        if edited := edit_records.edited_objects(clip_in(context)):
            for name, count in edited:
                layout.label(text=f"{name}: edited on {counted(count, 'frame')}")
            layout.column().prop(self, "edits", expand=True)

    def run(self, context: Context) -> str:
        clip = clip_in(context)
        object_ids = chosen_object_ids(context, self.which)
        warnings = skipped_object_warnings(context, self.which, matted_ids(clip, object_ids))
        waits = self.wait or bpy.app.background  # where no timer runs
        mask_splines.start(
            clip,
            object_ids,
            window=window_of(context),
            edits=self.edits,
            warnings=warnings,
            push_undo=not waits,
            on_track=self.on_track,
        )
        return _ended(self) if waits else _begun()


class CLIP_OT_matte_update_results(ClipOperator, Operator):
    """Make mask layers and nodes fit the clip after its start, offset or aspect was changed. Your own layers are \
kept"""

    bl_idname = "clip.matte_update_results"
    bl_label = "Fit to Clip"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: Context) -> str:
        clip = clip_in(context)
        compositor.refit(clip, renew_masks=True)
        object_ids = mask_layers.objects_to_fit(clip)
        if not object_ids:
            return "Mask layers and nodes fit the clip"
        mask_splines.start(clip, object_ids, window=window_of(context), push_undo=not bpy.app.background)
        return _ended(self) if bpy.app.background else _begun()


def _begun() -> str:
    """Listen to the engine, and return what to report as it begins to fit splines."""
    listen()
    return "Fitting splines to the mattes"


def _ended(operator: Operator) -> str:
    """Wait until the mask layers are written, and return what to report. Raises EngineError."""
    status = session.wait()
    return report_warnings(operator, status.text, [status.warning] if status.warning else [])


CLASSES = (
    CLIP_OT_matte_to_mask_layers,
    CLIP_OT_matte_update_results,
)
