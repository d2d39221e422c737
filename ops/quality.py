"""Operator that jumps between the stretches of frames whose mattes need a fix."""

from __future__ import annotations

from bpy.props import EnumProperty
from bpy.types import Context, Operator

from ..addon import quality, quality_list, state_watch
from .common import ClipOperator, clip_in


class CLIP_OT_matte_fix_jump(ClipOperator, Operator):
    """Jump to the worst frame of the next or previous stretch that needs a fix, and make its object active"""

    bl_idname = "clip.matte_fix_jump"
    bl_label = "Jump to Stretch"
    bl_options = {"REGISTER"}
    changes_clip = False

    to: EnumProperty(
        name="To",
        items=(
            ("NEXT", "Next", "Jump to the next stretch"),
            ("PREVIOUS", "Previous", "Jump to the previous stretch"),
        ),
        default="NEXT",
        options={"SKIP_SAVE"},
    )

    def run(self, context: Context) -> str:
        clip, current = clip_in(context), context.scene.frame_current
        if quality.summary(clip) is None:
            state_watch.refresh(clip)
        else:  # as reading a long clip takes a while; what has changed since counts for the next jump
            state_watch.look(clip)
        quality_list.update()
        fixes = sorted((fix for fix in quality.to_fix(clip) if not fix.corrected), key=lambda fix: fix.worst)
        if self.to == "NEXT":
            fix = next((fix for fix in fixes if fix.worst > current), None)
        else:
            fix = next((fix for fix in reversed(fixes) if fix.worst < current), None)
        if fix is None:
            return "No more stretches to fix in this direction"
        quality.go_to(clip, fix)
        return f"{quality.name_of(clip, fix.object_id)}: {fix.words}"


CLASSES = (CLIP_OT_matte_fix_jump,)
