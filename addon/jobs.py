"""What Propagate asks for: a clip, its keyframes and the user's choices, gathered into one job."""

from __future__ import annotations

import uuid
from pathlib import Path

import bpy
from bpy.types import MovieClip, Scene

from ..engine.errors import NoKeyframes
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
    """The media frames of the clip within the scene's preview range, or its frame range if it has none."""
    if scene.use_preview_range:
        first, last = scene.frame_preview_start, scene.frame_preview_end
    else:
        first, last = scene.frame_start, scene.frame_end
    start = max(0, clips.media_frame(clip, first))
    return range(start, max(start, min(clip.frame_duration, clips.media_frame(clip, last) + 1)))


def label(clip: MovieClip) -> str:
    """The clip as it is called in messages."""
    return bpy.path.basename(clip.filepath) or clip.name
