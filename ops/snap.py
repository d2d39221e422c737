"""Operator that snaps the rough mask of a keyframe to the edges of the picture."""

from __future__ import annotations

from bpy.props import BoolProperty
from bpy.types import Context, Event, Operator

from ..addon import clips, keyframes, snapping
from ..engine.shared.errors import EngineError, KeyframeEmpty
from .common import ObjectOperator, clip_in, object_in

_FROM_STROKES = (
    "Take the active object's keyframe as strokes drawn on the object. It is extended to the edges in the picture "
    "around them"
)


class CLIP_OT_matte_snap(ObjectOperator, Operator):
    """Snap the active object's keyframe on the current frame from its rough mask to the edges of the picture nearby"""

    bl_idname = "clip.matte_snap"
    bl_label = "Snap"
    bl_options = {"REGISTER"}  # the undo step is pushed when the engine has answered

    strokes: BoolProperty(
        name="From Strokes",
        description="The mask is not the object's rough shape, but strokes on it. The object is looked for around them",
        default=False,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, context: Context, properties: CLIP_OT_matte_snap) -> str:
        return _FROM_STROKES if properties.strokes else cls.__doc__ or ""

    def invoke(self, context: Context, event: Event) -> set[str]:
        try:
            self._start(context)
        except EngineError as error:
            return self.refuse(error)
        return {"FINISHED"}

    def run(self, context: Context) -> str:
        self._start(context)
        return snapping.wait()

    def _start(self, context: Context) -> None:
        """Ask the engine. Raises KeyframeEmpty, and what `snapping.start` raises."""
        clip, item, frame = clip_in(context), object_in(context), context.scene.frame_current
        key = keyframes.find_keyframe(clip, item.object_id, clips.number_inside(clip, frame))
        if key is None or key.absent:
            raise KeyframeEmpty(
                f"{item.name} has no mask on frame {frame} to snap", remedy="Draw a rough mask of the object first."
            )
        snapping.start(clip, item.object_id, frame, keyframes.keyframe_alpha(clip, key), strokes=self.strokes)


CLASSES = (CLIP_OT_matte_snap,)
