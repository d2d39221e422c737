"""Movie clips as films: their files, and scene frame <-> media frame <-> file number, converted only here."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.types import MovieClip, Scene

from ..engine.shared.errors import ClipNotFound, ClipUnreadable, KeyframeOutsideClip
from ..engine.shared.matte_folder import number_in
from ..engine.shared.types import VideoClip

_MOST = 2**31 - 1  # Blender's properties hold no larger numbers


def media_path(clip: MovieClip) -> Path:
    """The clip's file; of an image sequence its first image."""
    return Path(bpy.path.abspath(clip.filepath, library=clip.library))


def video_clip(clip: MovieClip) -> VideoClip:
    """The clip as the engine knows it. Raises ClipNotFound or ClipUnreadable."""
    path = media_path(clip)
    if not path.is_file():
        raise ClipNotFound(f"the file of clip {clip.name} is not there: {path}")
    width, height = clip.size
    if not (width and height and clip.frame_duration):
        raise ClipUnreadable(f"Blender cannot read the clip {path}")
    return VideoClip(path=path, height=height, width=width, frame_count=clip.frame_duration)


def media_frame(clip: MovieClip, scene_frame: int) -> int:
    """The frame of the film, from 0, that Blender shows at `scene_frame`."""
    return scene_frame - clip.frame_start + clip.frame_offset


def scene_frame(clip: MovieClip, media_frame: int) -> int:
    """Where Blender shows the film's frame `media_frame`."""
    return media_frame + clip.frame_start - clip.frame_offset


def show(scene: Scene, frame: int) -> None:
    """Go to a scene frame, as the arrow keys do. Of `frame_set` clip editors do not hear: their picture would stay."""
    scene.frame_current = frame


def media_frame_inside(clip: MovieClip, at: int) -> int:
    """The film's frame at scene frame `at`. Raises KeyframeOutsideClip if the film does not reach there."""
    frame = media_frame(clip, at)
    if not 0 <= frame < clip.frame_duration:
        first, last = scene_frame(clip, 0), scene_frame(clip, clip.frame_duration - 1)
        raise KeyframeOutsideClip(
            f"frame {at} is outside the clip, which has frames {first} to {last}",
            remedy="Go to a frame of the clip first.",
        )
    return frame


def first_number(clip: MovieClip) -> int:
    """The number that the files of media frame 0 carry: the image's own, or 0 for a movie.

    Raises ClipUnreadable if the images' numbers are too large for Blender.
    """
    if clip.source == "MOVIE":
        return 0
    first = number_in(media_path(clip).stem) or 0
    if first + clip.frame_duration > _MOST:
        raise ClipUnreadable(
            f"{media_path(clip).name} has the number {first}, and Blender counts frames to {_MOST} only",
            remedy="Rename the images so that they have smaller numbers, and open the clip again.",
        )
    return first


def number(clip: MovieClip, media_frame: int) -> int:
    """The number that the files of `media_frame` carry in the matte folder."""
    return first_number(clip) + media_frame


def media_frame_of(clip: MovieClip, number: int) -> int:
    """The media frame whose files carry `number`."""
    return number - first_number(clip)


def scene_frame_of(clip: MovieClip, number: int) -> int:
    """Where Blender shows the frame whose files carry `number`."""
    return scene_frame(clip, media_frame_of(clip, number))
