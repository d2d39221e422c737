"""Operators that cancel, pause and resume the running operation, and remove runs that wait for their turn."""

from __future__ import annotations

from bpy.props import BoolProperty, IntProperty
from bpy.types import Context, Event, Operator

from ..addon import job_queue
from ..addon.brush_settings import settings
from ..addon.listening import listen, redraw
from ..addon.session import session
from ..engine.shared.errors import EngineError
from .common import HIDDEN, ReportingOperator, is_over_clip


class CLIP_OT_matte_cancel(ReportingOperator, Operator):
    """Cancel the running operation. Mattes already computed are kept"""

    bl_idname = "clip.matte_cancel"
    bl_label = "Cancel"
    bl_options = {"REGISTER"}

    by_key: BoolProperty(name="By Key", description="Only if the key has no other use there", options=HIDDEN)

    @classmethod
    def poll(cls, context: Context) -> bool:
        if session.status.busy or job_queue.paused() is not None:
            return True
        cls.poll_message_set("Nothing is running")
        return False

    def invoke(self, context: Context, event: Event) -> set[str]:
        if self.by_key and not _is_free(context):
            return {"PASS_THROUGH"}
        return self.execute(context)

    def run(self, context: Context) -> str:
        job_queue.drop_paused()
        session.cancel()
        redraw()
        return ""


def _is_free(context: Context) -> bool:
    """Return whether Esc over the editor can only mean to cancel an operation on a clip."""
    is_job = session.status.busy and bool(session.status.clip)
    in_use = settings().use_paint or context.screen.is_animation_playing
    return is_job and not in_use and is_over_clip(context)


class CLIP_OT_matte_pause(ReportingOperator, Operator):
    """Pause the run. Resume goes on with it from where it is, also after other work"""

    bl_idname = "clip.matte_pause"
    bl_label = "Pause"
    bl_options = {"REGISTER"}

    resume: BoolProperty(name="Resume", description="Go on with the paused run", options={"SKIP_SAVE"})

    @classmethod
    def description(cls, context: Context, properties: CLIP_OT_matte_pause) -> str:
        return "Go on with the paused run from where it stopped" if properties.resume else cls.__doc__ or ""

    @classmethod
    def poll(cls, context: Context) -> bool:
        if job_queue.can_pause() or (job_queue.paused() is not None and not session.status.busy):
            return True
        cls.poll_message_set(
            f"Wait until this has finished: {session.status.text}" if session.status.busy else "Nothing is running"
        )
        return False

    def run(self, context: Context) -> str:
        if not self.resume:
            job_queue.pause()
            return ""
        try:
            job_queue.resume()
        except EngineError as error:
            session.show(error)
            raise
        listen()
        return ""


class CLIP_OT_matte_unqueue(ReportingOperator, Operator):
    """Remove this clip from those that wait to be propagated"""

    bl_idname = "clip.matte_unqueue"
    bl_label = "Remove from Queue"
    bl_options = {"REGISTER"}

    clip_uid: IntProperty(name="Clip", options=HIDDEN)

    def run(self, context: Context) -> str:
        job_queue.remove(self.clip_uid)
        redraw()
        return ""


CLASSES = (CLIP_OT_matte_cancel, CLIP_OT_matte_pause, CLIP_OT_matte_unqueue)
