"""Operator that goes through the views of a clip with its mattes."""

from __future__ import annotations

from bpy.props import BoolProperty
from bpy.types import Context, Operator

from .common import ClipOperator, clip_in


class CLIP_OT_matte_view_cycle(ClipOperator, Operator):
    """Show the mattes in the next way: tint, outline, alpha, black and white, cut-out, keyframes only"""

    bl_idname = "clip.matte_view_cycle"
    bl_label = "Next Matte View"
    # No undo step: what undo takes back should be work, and not how it is looked at.
    bl_options = {"REGISTER"}
    changes_clip = False

    backward: BoolProperty(name="Backward", description="Go to the previous view", options={"SKIP_SAVE"})

    def run(self, context: Context) -> str:
        matting = clip_in(context).matting
        if not matting.show_overlay:
            matting.show_overlay = True  # the first press only brings the mattes back
        else:
            views = [item.identifier for item in matting.bl_rna.properties["view"].enum_items]
            step = -1 if self.backward else 1
            matting.view = views[(views.index(matting.view) + step) % len(views)]
        return f"View: {matting.bl_rna.properties['view'].enum_items[matting.view].name}"


CLASSES = (CLIP_OT_matte_view_cycle,)
