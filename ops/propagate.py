"""Operators that propagate masks and cancel the running operation."""

from __future__ import annotations

from bpy.props import BoolProperty, EnumProperty, StringProperty
from bpy.types import Context, Operator

from ..addon import quality, run_keyframes, suggestions
from ..addon.jobs import gather_job, preview_range, whole_clip
from ..addon.listening import listen
from ..addon.session import session
from ..engine.shared.errors import EngineError
from ..engine.shared.types import Direction
from .common import HIDDEN, ClipOperator, ReportingOperator, clip_in


class CLIP_OT_matte_propagate(ClipOperator, Operator):
    """Compute the mattes of all objects that have keyframes, in the background"""

    bl_idname = "clip.matte_propagate"
    bl_label = "Propagate"
    bl_options = {"REGISTER"}

    direction: EnumProperty(
        name="Direction",
        description="Direction to propagate from the keyframes",
        items=(
            (Direction.BOTH.value, "Both Directions", "Propagate forward and backward"),
            (Direction.FORWARD.value, "Forward", "Propagate to later frames only"),
            (Direction.BACKWARD.value, "Backward", "Propagate to earlier frames only"),
        ),
        default=Direction.BOTH.value,
        options={"SKIP_SAVE"},
    )
    frames: EnumProperty(
        name="Frames",
        description="Frames to compute mattes on",
        items=(
            ("CLIP", "Whole Clip", "Every frame of the clip"),
            ("PREVIEW", "Preview Range", "The scene's preview range, or its frame range if no preview range is set"),
        ),
        default="CLIP",
        options={"SKIP_SAVE"},
    )
    recipe: StringProperty(name="Recipe", description="Recipe to use instead of the clip's", options=HIDDEN)
    wait: BoolProperty(
        name="Wait",
        description="Wait until the operation has finished, as background mode requires",
        default=False,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, context: Context, properties: CLIP_OT_matte_propagate) -> str:
        if properties.frames == "PREVIEW":
            return "Compute mattes only on the frames of the preview range, or of the scene if no preview range is set"
        if properties.direction == Direction.FORWARD.value:
            return "Compute mattes only on frames after a keyframe, each from keyframes before it"
        if properties.direction == Direction.BACKWARD.value:
            return "Compute mattes only on frames before a keyframe, each from keyframes after it"
        return cls.__doc__ or ""

    def run(self, context: Context) -> str:
        clip = clip_in(context)
        try:
            frames = preview_range(clip, context.scene) if self.frames == "PREVIEW" else whole_clip(clip)
            job = gather_job(clip, frames, Direction(self.direction), recipe=self.recipe)
            session.start(job, clip.name, quality.receiver(clip))
        except EngineError as error:
            session.show(error)
            raise
        run_keyframes.remember(clip)
        suggestions.clear(clip)  # the suggestions were computed from mattes that are now being replaced
        listen()
        if self.wait:
            return session.wait().summary
        return f"Propagating through {len(frames)} frames"


class CLIP_OT_matte_cancel(ReportingOperator, Operator):
    """Cancel the running operation. Mattes already computed are kept"""

    bl_idname = "clip.matte_cancel"
    bl_label = "Cancel"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        return session.status.busy

    def run(self, context: Context) -> str:
        session.cancel()
        return ""


CLASSES = (CLIP_OT_matte_propagate, CLIP_OT_matte_cancel)
