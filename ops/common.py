"""Base classes and helpers of the operators: poll, reports, and choice of objects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from bpy.types import Context, Event, MovieClip, Operator, Window

from ..addon.clip_view import ClipView
from ..addon.folders import results
from ..addon.listening import redraw
from ..addon.objects import active_object, matte_numbers, matted_objects
from ..addon.properties import MatteObject
from ..addon.saving import check_clip_saved
from ..addon.session import session
from ..engine.shared.errors import EngineBusy, EngineError, NoActiveObject, NothingPropagated, NotSaved


class ReportingOperator:
    """Operator that calls its `run(context)`, and reports the text it returns or the error it raises."""

    if TYPE_CHECKING:  # subclasses define `run`, and inherit the rest from Operator

        def run(self, context: Context) -> str: ...

        def report(self, type: set[str], message: str) -> None: ...

        @classmethod
        def poll_message_set(cls, message: str) -> None: ...

    def execute(self, context: Context) -> set[str]:
        try:
            text = self.run(context)
        except EngineError as error:
            return self.refuse(error)
        if text:
            self.report({"INFO"}, text)
        return {"FINISHED"}

    def refuse(self, error: EngineError) -> set[str]:
        """Report the error, and return what an operator returns that has done nothing."""
        self.report({"ERROR"}, error.sentence())
        return {"CANCELLED"}


class ClipOperator(ReportingOperator):
    """Operator on the clip shown in the Movie Clip Editor.

    Unless `changes_clip` is False, it is refused for clips whose changes Blender would not save.
    """

    changes_clip = True

    def execute(self, context: Context) -> set[str]:
        result = super().execute(context)
        redraw()  # Blender does so for its own operators only: a removed object would stay on screen
        return result

    @classmethod
    def poll(cls, context: Context) -> bool:
        space = context.space_data
        if space is None or space.type != "CLIP_EDITOR" or space.clip is None:
            cls.poll_message_set("Open a clip in the Movie Clip Editor")
            return False
        try:
            if cls.changes_clip:
                check_clip_saved(space.clip)
        except NotSaved as error:
            cls.poll_message_set(error.sentence())
            return False
        return True


class ObjectOperator(ClipOperator):
    """Operator on the active object of the clip."""

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not super().poll(context):
            return False
        if active_object(clip_in(context)) is None:
            cls.poll_message_set(NoActiveObject("no object is selected").sentence())
            return False
        return True


def busy_sentence() -> str:
    """Say that another operation is running, and on which clip."""
    what = ": ".join(filter(None, (session.status.clip, session.status.text)))
    return EngineBusy(f"another operation is already running ({what})").sentence()


class IdleOperator(ClipOperator):
    """Operator that starts an operation on the clip, of which only one can run."""

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not super().poll(context):
            return False
        if session.status.busy:
            cls.poll_message_set(busy_sentence())
            return False
        return True


class MattesOperator(IdleOperator):
    """Operator that starts an operation on the mattes of the clip."""

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not super().poll(context):
            return False
        clip = clip_in(context)
        if not results(clip).numbers:
            cls.poll_message_set(NothingPropagated(f"clip {clip.name} has no mattes yet").sentence())
            return False
        return True


def clip_in(context: Context) -> MovieClip:
    """Return the clip that the editor shows."""
    return context.space_data.clip


def window_of(context: Context) -> Window:
    """Return the window of the editor; in background mode, the first."""
    return context.window or context.window_manager.windows[0]


def is_over_clip(context: Context) -> bool:
    """Return whether the mouse is over a clip's picture, not over a sidebar or a graph, which share its keys."""
    return context.region.type == "WINDOW" and context.space_data.view == "CLIP"


def mouse_pixels(context: Context, event: Event) -> tuple[float, float]:
    """Return where the mouse is over the editor's clip, in pixels of the clip. Raises ClipUnreadable."""
    view = ClipView.of(context.space_data, context.region)
    x, y = view.to_pixels(np.array([event.mouse_region_x, event.mouse_region_y], np.float64))
    return float(x), float(y)


def object_in(context: Context) -> MatteObject:
    """Return the active object. Raises NoActiveObject."""
    item = active_object(clip_in(context))
    if item is None:
        raise NoActiveObject("no object is selected")
    return item


def chosen_object_ids(context: Context, which: str) -> list[int]:
    """Return the ids of the objects that `which` stands for: "ALL" or "ACTIVE".

    "ALL" leaves out objects without keyframes, even if they still have mattes from keyframes cleared since.
    Raises NoActiveObject, NothingPropagated.
    """
    if which == "ACTIVE":
        item = object_in(context)
        if item.role != "OBJECT":
            raise NoActiveObject(f"{item.name} is a mask and has no mattes", remedy="Select an object in the list.")
        return [item.object_id]
    clip = clip_in(context)
    if not matted_objects(clip):
        raise NoActiveObject("the clip has no objects", remedy="Add an object to the list.")
    annotated = {key.object_id for key in clip.matting.keyframes}
    object_ids = [item.object_id for item in matted_objects(clip) if item.object_id in annotated]
    if not object_ids:
        raise NothingPropagated("no object has a keyframe", remedy="Set a keyframe, and propagate.")
    return object_ids


def matted_ids(clip: MovieClip, object_ids: Iterable[int]) -> list[int]:
    """Return those of the objects that have mattes on disk."""
    return [object_id for object_id in object_ids if matte_numbers(clip, object_id)]


def skipped_object_warnings(context: Context, which: str, done_ids: Iterable[int]) -> list[str]:
    """Return warnings about objects that were left out: none, or one text that names the objects not in `done_ids`.

    There is no warning unless `which` is "ALL".
    """
    done_ids = set(done_ids)
    names = [item.name for item in matted_objects(clip_in(context)) if item.object_id not in done_ids]
    return [f"skipped (no keyframe or no mattes): {', '.join(names)}"] if which == "ALL" and names else []


def report_warnings(operator: Operator, text: str, warnings: list[str]) -> str:
    """Report `text` together with the warnings, and return "".

    If there are no warnings, report nothing and return `text` for the caller to report.
    """
    if not warnings:
        return text
    operator.report({"WARNING"}, "; ".join([text, *warnings]))
    return ""


HIDDEN = {"HIDDEN", "SKIP_SAVE"}  # options of operator properties that only scripts set
OBJECT_ITEMS = (
    ("ALL", "All Objects", "Every object of the clip"),
    ("ACTIVE", "Active Object", "The object selected in the list"),
)
MASKS_ITEMS = (
    ("AUTO", "Automatic", "Whatever its values, palette and alpha say"),
    ("NUMBERS", "Object Numbers", "The value of a pixel, or the index of its palette entry, is its object"),
    ("BINARY", "Black and White", "The object is what is brighter than mid-grey"),
    ("ALPHA", "Alpha", "The object is what is opaque"),
    ("COLOURS", "Colours", "Each colour but black is an object"),
)
