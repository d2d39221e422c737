"""What Propagate asks for: a clip, its keyframes and the user's choices, gathered into one job."""

from __future__ import annotations

import uuid
from pathlib import Path

import bpy
from bpy.types import MovieClip, Scene

from ..engine.errors import BadSetting, NoKeyframes
from ..engine.types import Direction, PropagationJob, Settings
from . import clips, environment
from .folders import existing_folder
from .keyframes import keyframe_files


def gather_job(clip: MovieClip, frames: range, direction: Direction) -> PropagationJob:
    """The job that fills `frames` (media frames) of `clip`.

    Raises NoKeyframes, ClipNotFound, ClipUnreadable, KeyframeOutsideClip, KeyframeUnreadable.
    """
    film = clips.video_clip(clip)
    keyframes = keyframe_files(clip)
    if not keyframes:
        raise NoKeyframes(f"clip {clip.name} has no keyframe to start from")
    return PropagationJob(
        job_id=uuid.uuid4().hex,
        clip=film,
        frames=frames,
        keyframes=keyframes,
        folder=Path(existing_folder(clip).root),
        recipe=clip.matting.recipe,
        direction=direction,
        settings=Settings(device=environment.preferences().device),
    )


def whole_clip(clip: MovieClip) -> range:
    """All media frames of the clip."""
    return range(clip.frame_duration)


def preview_range(clip: MovieClip, scene: Scene) -> range:
    """The media frames of the clip within the scene's preview range, or its frame range if it has none.

    Raises BadSetting if there is no such frame, ClipNotFound, ClipUnreadable.
    """
    if scene.use_preview_range:
        name, first, last = "preview range", scene.frame_preview_start, scene.frame_preview_end
    else:
        name, first, last = "scene's frame range", scene.frame_start, scene.frame_end
    count = clips.video_clip(clip).frame_count
    frames = range(max(0, clips.media_frame(clip, first)), min(count, clips.media_frame(clip, last) + 1))
    if not frames:
        raise BadSetting(
            f"the {name}, {first} to {last}, is outside the clip, which has frames "
            f"{clips.scene_frame(clip, 0)} to {clips.scene_frame(clip, count - 1)}",
            remedy="Set a preview range that lies over the clip, or propagate through the whole clip.",
        )
    return frames


def label(clip: MovieClip) -> str:
    """The clip as it is called in messages."""
    return bpy.path.basename(clip.filepath) or clip.name
