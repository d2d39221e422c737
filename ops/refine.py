"""Operators that refine the mattes of a clip, and copy the settings for it to other objects."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty
from bpy.types import Context, Operator

from ..addon import refining
from ..addon.listening import listen
from ..addon.objects import matted_objects
from ..addon.refine_settings import copy_settings
from ..addon.session import session
from ..engine.shared.mask_images import counted
from .common import IdleOperator, ObjectOperator, clip_in, object_in


class CLIP_OT_matte_refine(IdleOperator, Operator):
    """Make the edges of all objects with Refine Edges anew, on the frames where they are not up to date. Mattes stay \
as they are"""

    bl_idname = "clip.matte_refine"
    bl_label = "Refine Clip"
    bl_options = {"REGISTER"}

    wait: BoolProperty(
        name="Wait", description="Wait until the operation has finished", default=False, options={"SKIP_SAVE"}
    )

    def run(self, context: Context) -> str:
        refining.start(clip_in(context))
        listen()
        if self.wait or bpy.app.background:
            return session.wait().summary
        return "Refining edges"


class CLIP_OT_matte_refine_copy(ObjectOperator, Operator):
    """Give all other objects these settings, also whether their edges are refined"""

    bl_idname = "clip.matte_refine_copy"
    bl_label = "Copy to All Objects"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: Context) -> str:
        source = object_in(context)
        others = [item for item in matted_objects(clip_in(context)) if item != source]
        for item in others:
            copy_settings(source.refinement, item.refinement)
        return f"Settings copied to {counted(len(others), 'object')}"


CLASSES = (CLIP_OT_matte_refine, CLIP_OT_matte_refine_copy)
