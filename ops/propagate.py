"""Operator that propagates masks."""

from __future__ import annotations

from bpy.props import BoolProperty, EnumProperty, StringProperty
from bpy.types import Context, MovieClip, Operator

from ..addon import job_queue, run_frames
from ..addon.folders import existing_folder, relative_path
from ..addon.listening import listen
from ..addon.session import session
from ..addon.whereabouts import is_homeless
from ..engine.shared.errors import EngineError
from ..engine.shared.mask_images import counted
from ..engine.shared.types import Direction, Redo
from .common import HIDDEN, ClipOperator, clip_in

_FRAMES = {
    "CLIP": "",
    "RANGE": "Only from the in point to the out point",
    "BETWEEN": "Only between the keyframes before and after the current frame",
    "AROUND": "Compute the mattes around the current frame again, whether or not anything has changed",
}


class CLIP_OT_matte_propagate(ClipOperator, Operator):
    """Compute the mattes that are missing or that your changes have made outdated. All others stay as they are"""

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
            ("RANGE", "In/Out Range", "The frames from the clip's in point to its out point"),
            ("BETWEEN", "Between Keyframes", "The frames between the keyframes before and after the current frame"),
            ("AROUND", "Around Here", "Some frames before and after the current one, which are always made again"),
        ),
        default="CLIP",
        options={"SKIP_SAVE"},
    )
    everything: BoolProperty(
        name="Everything",
        description="Also compute mattes again that are up to date",
        default=False,
        options={"SKIP_SAVE"},
    )
    recipe: StringProperty(name="Method", description="Method to use instead of the clip's", options=HIDDEN)
    wait: BoolProperty(
        name="Wait",
        description="Wait until the operation has finished, as background mode requires",
        default=False,
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, context: Context, properties: CLIP_OT_matte_propagate) -> str:
        if properties.everything:
            return "Compute all mattes again, also those that are up to date. Locked and edited ones are kept"
        if properties.direction == Direction.FORWARD.value:
            return "Compute mattes only on frames after a keyframe, each from keyframes before it"
        if properties.direction == Direction.BACKWARD.value:
            return "Compute mattes only on frames before a keyframe, each from keyframes after it"
        if properties.frames == "AROUND":
            return _FRAMES["AROUND"]
        return ". ".join(filter(None, (cls.__doc__ or "", _FRAMES[properties.frames])))

    def run(self, context: Context) -> str:
        clip = clip_in(context)
        try:
            frames = self._frames(context)
            redo = Redo.EVERYTHING if self.everything or self.frames == "AROUND" else Redo.CHANGED
            run = job_queue.Run(clip.session_uid, frames, Direction(self.direction), redo, self.recipe, clip.name)
            if session.status.busy:
                job_queue.add(run, clip)
                return job_queue.wait_for(run).summary if self.wait else job_queue.waiting_sentence(clip)
            job_queue.start(run, clip)
        except EngineError as error:
            session.show(error, clip.session_uid)
            raise
        listen()
        if self.wait:
            return session.wait().summary
        what = "" if redo is Redo.EVERYTHING else "what has changed on "
        return f"Propagating {what}{counted(len(frames), 'frame')}{_where(clip)}"

    def _frames(self, context: Context) -> range:
        """Return the media frames to propagate through. Raises BadSetting, KeyframeOutsideClip."""
        clip, at = clip_in(context), context.scene.frame_current
        match self.frames:
            case "RANGE":
                return run_frames.in_out_range(clip)
            case "BETWEEN":
                return run_frames.between_keyframes(clip, at)
            case "AROUND":
                return run_frames.around(clip, at, clip.matting.around)
        return run_frames.whole_clip(clip)


def _where(clip: MovieClip) -> str:
    """Say where the mattes are going to be, if that is beside the file."""
    folder = existing_folder(clip)
    return f", into {relative_path(folder.root).removeprefix('//')}" if folder and not is_homeless(folder.root) else ""


CLASSES = (CLIP_OT_matte_propagate,)
