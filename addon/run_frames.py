"""Frames that a run on a clip is limited to: the clip's in/out range, those between keyframes, those around a frame."""

from __future__ import annotations

from bpy.types import MovieClip, Scene

from ..engine.shared.errors import BadSetting
from ..engine.shared.frame_ranges import frames_between
from . import clips
from .keyframes import last_number
from .objects import mask_ids


def whole_clip(clip: MovieClip) -> range:
    """Return all media frames of the clip."""
    return range(clips.frame_count(clip))


def in_out_range(clip: MovieClip) -> range:
    """Return the media frames from the clip's in point to its out point. Raises BadSetting, ClipUnreadable."""
    matting, count = clip.matting, clips.frame_count(clip)
    if not matting.use_range:
        raise BadSetting(
            f"clip {clip.name} has no in/out range", remedy="Set it with In and Out, or propagate through the clip."
        )
    first, last = (clips.media_frame_of(clip, number) for number in (matting.range_first, matting.range_last))
    frames = range(max(0, first), min(count, last + 1))
    if not frames:
        raise BadSetting(
            f"the in/out range, {clips.scene_frame(clip, first)} to {clips.scene_frame(clip, last)}, is outside the "
            f"clip, which has frames {clips.scene_frame(clip, 0)} to {clips.scene_frame(clip, count - 1)}",
            remedy="Set it anew with In and Out, or clear it.",
        )
    return frames


def shown_range(clip: MovieClip) -> tuple[int, int] | None:
    """Return the first and last scene frame of the in/out range; None if it is not set. Raises ClipUnreadable."""
    matting = clip.matting
    if not matting.use_range:
        return None
    return clips.scene_frame_of(clip, matting.range_first), clips.scene_frame_of(clip, matting.range_last)


def set_in(clip: MovieClip, at: int) -> None:
    """Let the range begin at a scene frame; an end before it becomes that of the clip. Raises KeyframeOutsideClip."""
    number, matting = clips.number_inside(clip, at), clip.matting
    if not matting.use_range or matting.range_last < number:
        matting.range_last = clips.number(clip, clips.frame_count(clip) - 1)
    matting.use_range, matting.range_first = True, number


def set_out(clip: MovieClip, at: int) -> None:
    """Let the range end at a scene frame; a start after it becomes that of the clip. Raises KeyframeOutsideClip."""
    number, matting = clips.number_inside(clip, at), clip.matting
    if not matting.use_range or matting.range_first > number:
        matting.range_first = clips.first_number(clip)
    matting.use_range, matting.range_last = True, number


def preview_range(scene: Scene) -> tuple[str, int, int]:
    """Return the name, first and last frame of the scene's preview range, or of its frame range if none is set."""
    if scene.use_preview_range:
        return "preview range", scene.frame_preview_start, scene.frame_preview_end
    return "scene's frame range", scene.frame_start, scene.frame_end


def set_from_preview(clip: MovieClip, scene: Scene) -> None:
    """Take the range from the scene's preview range, or from its frame range if no preview range is set.

    Raises BadSetting if that contains no frame of the clip, ClipNotFound, ClipUnreadable.
    """
    name, first, last = preview_range(scene)
    count = clips.video_clip(clip).frame_count
    frames = range(max(0, clips.media_frame(clip, first)), min(count, clips.media_frame(clip, last) + 1))
    if not frames:
        raise BadSetting(
            f"the {name}, {first} to {last}, is outside the clip, which has frames "
            f"{clips.scene_frame(clip, 0)} to {clips.scene_frame(clip, count - 1)}",
            remedy="Set a preview range that overlaps the clip first.",
        )
    matting = clip.matting
    matting.use_range = True
    matting.range_first, matting.range_last = clips.number(clip, frames[0]), clips.number(clip, frames[-1])


def between_keyframes(clip: MovieClip, at: int) -> range:
    """Return the media frames between the keyframes of objects on both sides of a scene frame.

    Where there is no keyframe on a side, they reach to the end of the clip. Raises KeyframeOutsideClip.
    """
    masks = mask_ids(clip)
    keys = [key for key in clip.matting.keyframes if key.object_id not in masks]
    ends = {clips.media_frame_of(clip, number) for key in keys for number in (key.number, last_number(key))}
    return frames_between(clips.media_frame_inside(clip, at), whole_clip(clip), ends)


def around(clip: MovieClip, at: int, reach: int) -> range:
    """Return the media frames within `reach` frames of a scene frame on either side. Raises KeyframeOutsideClip."""
    frame = clips.media_frame_inside(clip, at)
    return range(max(0, frame - reach), min(clips.frame_count(clip), frame + reach + 1))
