"""Movie clips: their files, and the conversion between scene frames, media frames and file numbers."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.types import MovieClip, Scene

from ..engine.shared.errors import ClipNotFound, ClipUnreadable, KeyframeOutsideClip
from ..engine.shared.matte_folder import number_in
from ..engine.shared.types import VideoClip

_MAX_FRAME = 2**31 - 1  # the largest value of Blender's integer properties


def media_path(clip: MovieClip) -> Path:
    """Return the absolute path of the clip's file, or of the first image of an image sequence."""
    return Path(bpy.path.abspath(clip.filepath, library=clip.library))


def video_clip(clip: MovieClip) -> VideoClip:
    """Return the clip as the engine's VideoClip. Raises ClipNotFound, ClipUnreadable."""
    path = media_path(clip)
    if not path.is_file():
        raise ClipNotFound(f"the file of clip {clip.name} is missing: {path}")
    width, height = clip.size
    if not (width and height and clip.frame_duration):
        raise ClipUnreadable(f"Blender cannot read the clip {path}")
    fps = clip.fps if clip.source == "MOVIE" and clip.fps > 0 else None
    return VideoClip(path=path, height=height, width=width, frame_count=clip.frame_duration, fps=fps)


def media_frame(clip: MovieClip, scene_frame: int) -> int:
    """Return the media frame (from 0) that Blender shows at `scene_frame`."""
    return scene_frame - clip.frame_start + clip.frame_offset


def scene_frame(clip: MovieClip, media_frame: int) -> int:
    """Return the scene frame at which Blender shows `media_frame`."""
    return media_frame + clip.frame_start - clip.frame_offset


def show(scene: Scene, frame: int) -> None:
    """Set the scene's current frame as the arrow keys do. After `Scene.frame_set`, clip editors would not update."""
    scene.frame_current = frame


def media_frame_inside(clip: MovieClip, at: int) -> int:
    """Return the media frame at scene frame `at`. Raises KeyframeOutsideClip if the clip has no such frame."""
    frame = media_frame(clip, at)
    if not 0 <= frame < clip.frame_duration:
        first, last = scene_frame(clip, 0), scene_frame(clip, clip.frame_duration - 1)
        raise KeyframeOutsideClip(
            f"frame {at} is outside the clip, which has frames {first} to {last}",
            remedy="Go to a frame of the clip first.",
        )
    return frame


def first_number(clip: MovieClip) -> int:
    """Return the file number of media frame 0: the number in the first image's name, or 0 for a movie.

    Raises ClipUnreadable if the images' numbers are too large for Blender.
    """
    if clip.source == "MOVIE":
        return 0
    first = number_in(media_path(clip).stem) or 0
    if first + clip.frame_duration > _MAX_FRAME:
        raise ClipUnreadable(
            f"{media_path(clip).name} has the number {first}, but Blender's frame numbers end at {_MAX_FRAME}",
            remedy="Rename the images with smaller numbers, and open the clip again.",
        )
    return first


def number(clip: MovieClip, media_frame: int) -> int:
    """Return the file number of `media_frame`, which names its files in the matte folder."""
    return first_number(clip) + media_frame


def media_frame_of(clip: MovieClip, number: int) -> int:
    """Return the media frame with the file number `number`."""
    return number - first_number(clip)


def scene_frame_of(clip: MovieClip, number: int) -> int:
    """Return the scene frame at which Blender shows the frame with the file number `number`."""
    return scene_frame(clip, media_frame_of(clip, number))
