"""What all operators share: where they may be used, and how they report."""

from __future__ import annotations

from collections.abc import Iterable

from bpy.types import Context, MovieClip, Operator

from ..addon.objects import active_object
from ..addon.properties import MatteObject
from ..engine.shared.errors import EngineError, NoActiveObject, NothingPropagated


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
    """Numbers of the objects meant by "ALL" or "ACTIVE". "ALL" leaves out those without a keyframe: what there is of
    them was made before their keyframes were cleared. Raises NoActiveObject, NothingPropagated."""
    if which == "ACTIVE":
        return [object_in(context).object_id]
    matting = clip_in(context).matting
    if not matting.objects:
        raise NoActiveObject("the clip has no objects")
    marked = {key.object_id for key in matting.keyframes}
    numbers = [item.object_id for item in matting.objects if item.object_id in marked]
    if not numbers:
        raise NothingPropagated("no object has a keyframe", remedy="Mark an object on one frame, and propagate.")
    return numbers


def left_out(context: Context, which: str, done: Iterable[int]) -> list[str]:
    """In words, which objects are not among those that were `done` though "ALL" was asked for."""
    done = set(done)
    names = [item.name for item in clip_in(context).matting.objects if item.object_id not in done]
    return [f"left out, as they have no keyframe or no mattes: {', '.join(names)}"] if which == "ALL" and names else []


def say(operator: Operator, done: str, warnings: list[str]) -> str:
    """`done`, to be reported, if there is nothing to warn of; else it is reported here, as a warning."""
    if not warnings:
        return done
    operator.report({"WARNING"}, "; ".join([done, *warnings]))
    return ""


HIDDEN = {"HIDDEN", "SKIP_SAVE"}  # options of a property that only scripts set
WHICH = (
    ("ALL", "All Objects", "Every object of the clip"),
    ("ACTIVE", "Active Object", "Only the object chosen in the list"),
)
