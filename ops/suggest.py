"""Operator that suggests frames to annotate next."""

from __future__ import annotations

from functools import partial

from bpy.props import BoolProperty, StringProperty
from bpy.types import Context, Operator

from ..addon import suggestions
from ..addon.jobs import gather_suggestion
from ..addon.listening import listen
from ..addon.session import session
from ..engine.shared.errors import EngineError
from ..engine.shared.protocol import Suggest
from .common import HIDDEN, IdleOperator, clip_in


class CLIP_OT_matte_suggest(IdleOperator, Operator):
    """Find the frames on which one more keyframe would help most. Without any keyframe, find the frame to mark first"""

    bl_idname = "clip.matte_suggest"
    bl_label = "Suggest Frames"
    bl_options = {"REGISTER"}

    recipe: StringProperty(name="Method", description="Method to use instead of the clip's", options=HIDDEN)
    wait: BoolProperty(
        name="Wait", description="Wait until the operation has finished", default=False, options={"SKIP_SAVE"}
    )

    def run(self, context: Context) -> str:
        clip = clip_in(context)
        try:
            job = gather_suggestion(clip, recipe=self.recipe)
            use, uid = partial(suggestions.store, clip.session_uid), clip.session_uid
            session.ask(Suggest(job), job.keys.parent, clip.name, use, uid=uid)
        except EngineError as error:
            session.show(error, clip.session_uid)
            raise
        listen()
        if self.wait:
            return session.wait().summary
        return "Searching for frames that need a keyframe" if job.chosen else "Searching for the frame to mark first"


CLASSES = (CLIP_OT_matte_suggest,)
