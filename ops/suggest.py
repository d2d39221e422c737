"""Suggested frames: which to mark next."""

from __future__ import annotations

from functools import partial

from bpy.props import BoolProperty, StringProperty
from bpy.types import Context, Operator

from ..addon import suggestions
from ..addon.jobs import gather_suggestion
from ..addon.listening import listen
from ..addon.session import session
from ..engine.shared.errors import EngineError
from .common import HIDDEN, ClipOperator, clip_in


class CLIP_OT_matte_suggest(ClipOperator, Operator):
    """Look through the frames that have mattes for those least like the frames with keyframes: a keyframe there \
helps most. The first time every frame is looked at, which takes a while; Blender stays free meanwhile"""

    bl_idname = "clip.matte_suggest"
    bl_label = "Suggest Frames"
    bl_options = {"REGISTER"}

    recipe: StringProperty(
        name="Recipe", description="For scripts: another of the engine's recipes than the clip's", options=HIDDEN
    )
    wait: BoolProperty(name="Wait", description="Return when all is done", default=False, options={"SKIP_SAVE"})

    def run(self, context: Context) -> str:
        clip = clip_in(context)
        try:
            job = gather_suggestion(clip, recipe=self.recipe)
            session.suggest(job, clip.name, partial(suggestions.keep, clip.session_uid))
        except EngineError as error:
            session.show(error)
            raise
        listen()
        if self.wait:
            return session.wait().summary
        return "Looking for frames to mark next"


CLASSES = (CLIP_OT_matte_suggest,)
