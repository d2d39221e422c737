"""What all operators share: where they may be used, and how they report."""

from __future__ import annotations

from bpy.types import Context, MovieClip

from ..addon.objects import active_object
from ..addon.properties import MatteObject
from ..engine.errors import EngineError, NoActiveObject


class ReportingOperator:
    """Runs `run(context)` and reports the sentence it returns, or the error it raises."""

    def execute(self, context: Context) -> set[str]:
        try:
            done = self.run(context)
        except EngineError as error:
            self.report({"ERROR"}, error.sentence())
            return {"CANCELLED"}
        if done:
            self.report({"INFO"}, done)
        return {"FINISHED"}


class ClipOperator(ReportingOperator):
    """An operator of the clip editor, for the clip that it shows."""

    @classmethod
    def poll(cls, context: Context) -> bool:
        space = context.space_data
        if space is None or space.type != "CLIP_EDITOR" or space.clip is None:
            cls.poll_message_set("Open a clip in the Movie Clip Editor")
            return False
        return True


def clip_in(context: Context) -> MovieClip:
    """The clip that the editor shows."""
    return context.space_data.clip


def object_in(context: Context) -> MatteObject:
    """The active object. Raises NoActiveObject."""
    item = active_object(clip_in(context))
    if item is None:
        raise NoActiveObject("no object is chosen")
    return item


def wanted_objects(context: Context, which: str) -> list[int]:
    """Numbers of the objects meant by "ALL" or "ACTIVE". Raises NoActiveObject."""
    if which == "ACTIVE":
        return [object_in(context).object_id]
    numbers = [item.object_id for item in clip_in(context).matting.objects]
    if not numbers:
        raise NoActiveObject("the clip has no objects")
    return numbers


WHICH = (
    ("ALL", "All Objects", "Every object of the clip"),
    ("ACTIVE", "Active Object", "Only the object chosen in the list"),
)
