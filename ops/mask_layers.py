"""Operators that make mask layers from mattes, and make results fit the clip."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty
from bpy.types import Context, MovieClip, Operator

from ..addon import compositor, mask_layers, mask_splines
from ..addon.folders import results
from ..addon.listening import listen
from ..addon.session import session
from ..engine.shared.errors import NothingPropagated
from .common import (
    OBJECT_ITEMS,
    ClipOperator,
    IdleOperator,
    chosen_object_ids,
    clip_in,
    matted_ids,
    report_warnings,
    skipped_object_warnings,
)


class CLIP_OT_matte_to_mask_layers(IdleOperator, Operator):
    """Make mask layers of the mattes, in the background: splines with few points, which stay at their place of the \
object, and keys only where they are needed. Layers made earlier are replaced; your own and locked ones are kept"""

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
    wait: BoolProperty(
        name="Wait", description="Wait until the operation has finished", default=False, options={"SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not super().poll(context):
            return False
        clip = clip_in(context)
        if not results(clip).numbers:
            cls.poll_message_set(NothingPropagated(f"clip {clip.name} has no mattes yet").sentence())
            return False
        return True

    def run(self, context: Context) -> str:
        clip = clip_in(context)
        object_ids = chosen_object_ids(context, self.which)
        warnings = skipped_object_warnings(context, self.which, matted_ids(clip, object_ids))
        return _fit(self, clip, object_ids, warnings, wait=self.wait, on_track=self.on_track)


class CLIP_OT_matte_update_results(ClipOperator, Operator):
    """Make mask layers and compositor nodes fit the clip again, after its start, offset or aspect was changed. Mask \
layers made from mattes are replaced, your own are kept"""

    bl_idname = "clip.matte_update_results"
    bl_label = "Fit to Clip"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: Context) -> str:
        clip = clip_in(context)
        compositor.refit(clip, renew_masks=True)
        if object_ids := mask_layers.objects_to_fit(clip):
            return _fit(self, clip, object_ids, [], wait=False, on_track=False)
        return "Mask layers and nodes fit the clip"


def _fit(
    operator: Operator, clip: MovieClip, object_ids: list[int], warnings: list[str], *, wait: bool, on_track: bool
) -> str:
    """Have mask layers written, and return what to report. In background mode, where no timer runs, it waits."""
    waits = wait or bpy.app.background
    mask_splines.start(clip, object_ids, warnings=warnings, push_undo=not waits, on_track=on_track)
    listen()
    if not waits:
        return "Fitting splines to the mattes"
    status = session.wait()
    return report_warnings(operator, status.text, [status.warning] if status.warning else [])


CLASSES = (
    CLIP_OT_matte_to_mask_layers,
    CLIP_OT_matte_update_results,
)
