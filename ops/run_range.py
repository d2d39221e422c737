"""Operator that sets the range of frames to propagate through."""

from __future__ import annotations

from bpy.props import EnumProperty
from bpy.types import Context, Operator

from ..addon import run_frames
from .common import ClipOperator, clip_in


class CLIP_OT_matte_range(ClipOperator, Operator):
    """Set the range of frames to propagate through"""

    bl_idname = "clip.matte_range"
    bl_label = "In/Out Range"
    bl_options = {"REGISTER", "UNDO"}

    action: EnumProperty(
        name="Action",
        items=(
            ("IN", "Set In", "Let the range to propagate through begin on the current frame"),
            ("OUT", "Set Out", "Let the range to propagate through end on the current frame"),
            (
                "PREVIEW",
                "Set from Preview Range",
                "Take the scene's preview range, or else its frame range",
            ),
            ("CLEAR", "Clear", "Propagate through the whole clip again"),
        ),
        default="IN",
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, context: Context, properties: CLIP_OT_matte_range) -> str:
        if properties.action == "PREVIEW":
            name, first, last = run_frames.preview_range(context.scene)
            return f"Take the {name}: frames {first} to {last}"
        items = properties.bl_rna.properties["action"].enum_items
        return str(items[properties.action].description)

    def run(self, context: Context) -> str:
        clip, scene = clip_in(context), context.scene
        match self.action:
            case "IN":
                run_frames.set_in(clip, scene.frame_current)
            case "OUT":
                run_frames.set_out(clip, scene.frame_current)
            case "PREVIEW":
                run_frames.set_from_preview(clip, scene)
            case _:
                clip.matting.use_range = False
                return "Propagating through the whole clip again"
        first, last = run_frames.shown_range(clip) or (0, 0)
        return f"In/out range: frames {first} to {last}"


CLASSES = (CLIP_OT_matte_range,)
