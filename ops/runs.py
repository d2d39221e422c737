"""Operators that cancel, pause and resume the running operation, and remove runs that wait for their turn."""

from __future__ import annotations

from bpy.props import BoolProperty, IntProperty
from bpy.types import Context, Event, MovieClip, Operator

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
        if session.status.busy or job_queue.paused():
            return True
        cls.poll_message_set("Nothing is running")
        return False

    def invoke(self, context: Context, event: Event) -> set[str]:
        if self.by_key and not _is_free(context):
            return {"PASS_THROUGH"}
        return self.execute(context)

    def run(self, context: Context) -> str:
        if session.status.busy:
            job_queue.drop_paused(session.status.clip_uid)
            session.cancel()
        else:
            for clip in _paused_first(context)[:1]:
                job_queue.drop_paused(clip.session_uid)
            listen()  # others may have waited
        redraw()
        return ""


def _is_free(context: Context) -> bool:
    """Return whether Esc over the editor can only mean to cancel an operation on a clip."""
    clip = context.space_data.clip
    is_job = session.status.busy and clip is not None and session.status.clip_uid == clip.session_uid
    in_use = settings().use_paint or context.screen.is_animation_playing
    return is_job and not in_use and is_over_clip(context)


def _paused_first(context: Context) -> list[MovieClip]:
    """Return the clips whose runs are paused, first the one that the editor shows."""
    shown = getattr(context.space_data, "clip", None)
    return sorted(job_queue.paused(), key=lambda clip: clip != shown)


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
        if job_queue.can_pause() or (job_queue.paused() and not session.status.busy):
            return True
        cls.poll_message_set(
            f"Wait until this has finished: {session.status.text}" if session.status.busy else "Nothing is running"
        )
        return False

    def run(self, context: Context) -> str:
        if not self.resume:
            job_queue.pause()
            return ""
        clip = _paused_first(context)[0]
        try:
            job_queue.resume(clip)
        except EngineError as error:
            session.show(error, clip.session_uid)
            raise
        listen()
        return ""


class CLIP_OT_matte_unqueue(ReportingOperator, Operator):
    """Do not propagate this clip after what is running"""

    bl_idname = "clip.matte_unqueue"
    bl_label = "Remove from Queue"
    bl_options = {"REGISTER"}

    clip_uid: IntProperty(name="Clip", options=HIDDEN)

    def run(self, context: Context) -> str:
        job_queue.remove(self.clip_uid)
        redraw()
        return ""


CLASSES = (CLIP_OT_matte_cancel, CLIP_OT_matte_pause, CLIP_OT_matte_unqueue)
