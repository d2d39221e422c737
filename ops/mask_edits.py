"""Operator that makes keyframes of the frames on which the artist has edited mask layers."""

from __future__ import annotations

from bpy.props import BoolProperty, EnumProperty
from bpy.types import Context, Event, MovieClip, Operator

from ..addon import clips, edit_records, mask_edits
from ..addon.objects import matted_objects
from ..engine.shared.errors import EngineError, NothingPropagated
from ..engine.shared.mask_images import counted
from ..engine.shared.matte_folder import spans
from .common import OBJECT_ITEMS, ClipOperator, clip_in, object_in, report_warnings, window_of


class CLIP_OT_matte_take_edits(ClipOperator, Operator):
    """Make keyframes of the frames on which you have moved points of mask layers. Propagate goes by them"""

    bl_idname = "clip.matte_take_edits"
    bl_label = "Take Edits as Keyframes"
    bl_options = {"REGISTER", "UNDO"}

    which: EnumProperty(name="Objects", items=OBJECT_ITEMS, default="ALL", options={"SKIP_SAVE"})
    replace: BoolProperty(
        name="Replace Existing",
        description="Replace keyframes that are there already. Otherwise these are kept, and counted in the report",
        default=False,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not super().poll(context):
            return False
        if not edit_records.edited_objects(clip_in(context)):
            cls.poll_message_set("No point of a mask layer made from mattes was moved")
            return False
        return True

    def invoke(self, context: Context, event: Event) -> set[str]:
        clip = clip_in(context)
        try:
            self._marked_count = mask_edits.keyframe_count(clip, self._object_ids(context))
        except EngineError as error:
            return self.refuse(error)
        if not self._marked_count:
            return self.execute(context)
        return context.window_manager.invoke_props_dialog(self, confirm_text="Take Edits")

    def draw(self, context: Context) -> None:
        self.layout.label(text=f"{counted(self._marked_count, 'edited frame')} with a keyframe already")
        self.layout.prop(self, "replace")

    def run(self, context: Context) -> str:
        clip = clip_in(context)
        window = window_of(context)
        object_ids = self._object_ids(context)
        if not object_ids:
            raise NothingPropagated("no mask layer was edited", remedy="Move points of a mask layer, and try again.")
        made, warnings = [], []
        for item in [item for item in matted_objects(clip) if item.object_id in object_ids]:
            if item.lock:
                warnings.append(f"{item.name} is locked")
                continue
            taken = mask_edits.take(clip, item.object_id, window, replace=self.replace)
            if taken.made:
                made.append(f"{item.name} on frames {_frames(clip, taken.made)}")
            if taken.kept:
                warnings.append(f"earlier keyframes of {item.name} kept on frames {_frames(clip, taken.kept)}")
            if taken.empty:
                warnings.append(f"the mask of {item.name} is empty on frames {_frames(clip, taken.empty)}")
        text = f"Keyframes set: {', '.join(made)}" if made else "No keyframe set"
        return report_warnings(self, text, warnings)

    def _object_ids(self, context: Context) -> list[int]:
        """Return the edited objects that are to be taken. Raises NoActiveObject."""
        edited = mask_edits.edited_objects(clip_in(context))
        return edited if self.which == "ALL" else [one for one in edited if one == object_in(context).object_id]


def _frames(clip: MovieClip, numbers: list[int]) -> str:
    """Return scene frames in words, given their file numbers."""
    return spans(clips.scene_frame_of(clip, number) for number in numbers)


CLASSES = (CLIP_OT_matte_take_edits,)
