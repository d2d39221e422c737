"""Movie clips: their files, and the conversion between scene frames, media frames and file numbers."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import bpy
from bpy.types import MovieClip, Scene

from ..engine.shared.errors import ClipNotFound, ClipUnreadable, KeyframeOutsideClip
from ..engine.shared.files import modified_ns
from ..engine.shared.matte_folder import number_in
from ..engine.shared.names import FrameNames
from ..engine.shared.types import VideoClip
from .limits import check_frames, set_number

_MAX_NUMBER = 2**31 - 1  # the largest value of Blender's integer properties
_UNKNOWN_SIZE = (256, 256)  # reported by Blender if it could not measure a frame
# Sizes of clips' files in pixels, by path and time of modification.
_sizes: dict[tuple[Path, int], tuple[int, int]] = {}
_NUMBERED = re.compile(r"(.*?)([0-9]+)([^0-9]*)", re.DOTALL)


def media_path(clip: MovieClip) -> Path:
    """Return the absolute path of the clip's file, or of the first image of an image sequence."""
    return Path(bpy.path.abspath(clip.filepath, library=clip.library))


def find_clip(uid: int) -> MovieClip | None:
    """Return the clip with this `session_uid`, which outlives an undo as a reference does not; None if it is gone."""
    return next((clip for clip in bpy.data.movieclips if clip.session_uid == uid), None)


def video_clip(clip: MovieClip) -> VideoClip:
    """Return the clip as the engine's VideoClip. Raises ClipNotFound, ClipUnreadable."""
    path = media_path(clip)
    if not path.is_file():
        raise ClipNotFound(f"footage not found: {path}")
    width, height = pixel_size(clip)
    fps = clip.fps if clip.source == "MOVIE" and clip.fps > 0 else None
    upright = None if bpy.app.version >= (4, 4, 0) else False  # earlier versions ignore the rotation of movies
    return VideoClip(
        path,
        height=height,
        width=width,
        frame_count=frame_count(clip),
        fps=fps,
        upright=upright,
        shown_from=scene_frame(clip, 0),
    )


def pixel_size(clip: MovieClip) -> tuple[int, int]:
    """Return the width and height of the clip's file in pixels. Raises ClipUnreadable.

    Blender measures the frame at the clip's offset when it loads the clip, so it does not know the size if there is no
    such frame. While it shows proxies, it takes a multiple of their rounded size. The file is then loaded a second
    time, without an offset and proxies, once until it changes.
    """
    path = media_path(clip)
    if (size := _known_size(clip, path)) is not None:
        return size
    try:
        fresh = bpy.data.movieclips.load(str(path))
    except RuntimeError as error:
        raise ClipUnreadable(f"Blender cannot read the clip {path}") from error
    try:
        width, height = fresh.size
        if not (width and height and fresh.frame_duration):
            raise ClipUnreadable(f"Blender cannot read the clip {path}")
        _sizes[path, modified_ns(path)] = width, height
        return width, height
    finally:
        bpy.data.movieclips.remove(fresh)


def known_size(clip: MovieClip) -> tuple[int, int]:
    """Return the width and height of the clip's file in pixels without loading anything, as while drawing.

    While proxies of a clip are shown that was never measured without them, the result can be a few pixels too small.
    Raises ClipUnreadable if Blender does not know the size.
    """
    path = media_path(clip)
    size = _known_size(clip, path) or (clip.size[0], clip.size[1])
    if not all(size):
        raise ClipUnreadable(f"Blender cannot read the clip {path}")
    return size


def _known_size(clip: MovieClip, path: Path) -> tuple[int, int] | None:
    key = path, modified_ns(path)
    size = clip.size[0], clip.size[1]
    if clip.frame_duration and size != _UNKNOWN_SIZE and all(size) and not clip.use_proxy:
        _sizes[key] = size
    return _sizes.get(key)


def frame_count(clip: MovieClip) -> int:
    """Return the number of media frames of the clip, whatever its offset.

    Blender counts the images of a sequence from the offset on, and only when it loads the clip. So they are counted
    here, from the first to the first gap as Blender does.
    """
    path = media_path(clip)
    images = 0 if clip.source == "MOVIE" else _image_count(path, modified_ns(path.parent))
    return images or clip.frame_duration


def pixel_aspect(clip: MovieClip) -> float:
    """Return how tall the clip's pixels are displayed, as a multiple of their width."""
    across, up = clip.display_aspect
    return up / across / clip.tracking.camera.pixel_aspect


def media_frame(clip: MovieClip, scene_frame: int) -> int:
    """Return the media frame (from 0) that Blender shows at `scene_frame`."""
    return scene_frame - clip.frame_start + clip.frame_offset


def scene_frame(clip: MovieClip, media_frame: int) -> int:
    """Return the scene frame at which Blender shows `media_frame`."""
    return media_frame + clip.frame_start - clip.frame_offset


def show(scene: Scene, frame: int) -> None:
    """Set the scene's current frame as the arrow keys do. After `Scene.frame_set`, clip editors would not update.

    Raises BlenderLimit if the scene cannot be set to this frame.
    """
    check_frames([frame])
    remedy = "Enable Negative Frames in Preferences > Animation." if frame < 0 else ""
    set_number(scene, "frame_current", frame, what="the current frame", remedy=remedy)


def media_frame_inside(clip: MovieClip, at: int) -> int:
    """Return the media frame at scene frame `at`.

    Raises KeyframeOutsideClip if the clip has no such frame, BlenderLimit if Blender cannot render it.
    """
    frame = media_frame(clip, at)
    if not 0 <= frame < frame_count(clip):
        first, last = scene_frame(clip, 0), scene_frame(clip, frame_count(clip) - 1)
        raise KeyframeOutsideClip(
            f"frame {at} is outside the clip, which has frames {first} to {last}",
            remedy="Go to a frame of the clip first.",
        )
    check_frames([at])
    return frame


def first_number(clip: MovieClip) -> int:
    """Return the file number of media frame 0: the number in the first image's name, or 0 for a movie.

    Raises ClipUnreadable if the images' numbers are too large for Blender.
    """
    if clip.source == "MOVIE":
        return 0
    first = number_in(media_path(clip).stem) or 0
    if first + frame_count(clip) > _MAX_NUMBER:
        raise ClipUnreadable(
            f"{media_path(clip).name} has the number {first}, but Blender's frame numbers end at {_MAX_NUMBER}",
            remedy="Rename the images with smaller numbers, and open the clip again.",
        )
    return first


def number(clip: MovieClip, media_frame: int) -> int:
    """Return the file number of `media_frame`, which names its files in the matte folder."""
    return first_number(clip) + media_frame


def number_at(clip: MovieClip, at: int) -> int:
    """Return the file number of the frame that Blender shows at scene frame `at`, whether or not the clip has it."""
    return number(clip, media_frame(clip, at))


def number_inside(clip: MovieClip, at: int) -> int:
    """Return the file number of the clip's frame at scene frame `at`. Raises what `media_frame_inside` raises."""
    return number(clip, media_frame_inside(clip, at))


def media_frame_of(clip: MovieClip, number: int) -> int:
    """Return the media frame with the file number `number`."""
    return number - first_number(clip)


def scene_frame_of(clip: MovieClip, number: int) -> int:
    """Return the scene frame at which Blender shows the frame with the file number `number`."""
    return scene_frame(clip, media_frame_of(clip, number))


def frame_names(clip: MovieClip) -> FrameNames:
    """Return what names the media frames: the files of an image sequence or, for a movie, its frames in the scene.

    Raises ClipUnreadable.
    """
    count = frame_count(clip)
    if clip.source == "MOVIE":
        return FrameNames(tuple(scene_frame(clip, frame) for frame in range(count)))
    numbers = tuple(number(clip, frame) for frame in range(count))
    return FrameNames(numbers, _stems(media_path(clip).stem, count))


def pictures(clip: MovieClip) -> tuple[Path, ...]:
    """Return the files of all media frames: one for each, or the file of a movie."""
    path = media_path(clip)
    return (path,) if clip.source == "MOVIE" else _images(path, frame_count(clip))


@lru_cache(maxsize=8)
def _images(first: Path, count: int) -> tuple[Path, ...]:
    return tuple(first.with_name(f"{stem}{first.suffix}") for stem in _stems(first.stem, count))


def _stems(first: str, count: int) -> tuple[str, ...]:
    """Return the names without suffix of `count` images, given that of the first."""
    match = _NUMBERED.fullmatch(first)
    if match is None:
        return (first,) * count
    head, digits, tail = match.groups()
    return tuple(f"{head}{int(digits) + frame:0{len(digits)}d}{tail}" for frame in range(count))


@lru_cache(maxsize=64)
def _image_count(first: Path, modified: int) -> int:
    """Return how many images with consecutive numbers there are from `first` on; 0 if `first` is missing.

    The result is cached until `modified`, the modification time of their folder, changes.
    """
    if not modified or not first.is_file():
        return 0
    match = _NUMBERED.fullmatch(first.stem)
    if match is None:
        return 1
    names = {path.name for path in first.parent.iterdir()}
    head, digits, tail = match.groups()
    count = 1
    while f"{head}{int(digits) + count:0{len(digits)}d}{tail}{first.suffix}" in names:
        count += 1
    return count
