"""Ranges of frames on which an object is not visible."""

from __future__ import annotations

from bpy.types import MovieClip, Scene

from ..engine.shared.errors import BadSetting
from ..engine.shared.types import Absence
from . import clips
from .keyframes import absence_on, find_keyframe, last_number, row_of, set_absent
from .objects import check_unlocked, find_object, mask_ids


def set_absence(clip: MovieClip, object_id: int, first: int, last: int, *, instead_of: int | None = None) -> int:
    """Mark an object as not visible on the scene frames `first` to `last`, and return how many keyframes override that.

    Ranges that overlap it or touch it become one with it, but the range on scene frame `instead_of` is replaced.
    Raises BadSetting if the range is empty or has a keyframe on every frame, or the object is a mask;
    KeyframeOutsideClip, ObjectLocked.
    """
    begin, end = _checked_range(clip, object_id, first, last)
    if instead_of is not None:
        _remove(clip, object_id, clips.number_at(clip, instead_of))
    keys, painted = clip.matting.keyframes, _painted(clip, object_id)
    for row in reversed(range(len(keys))):
        key = keys[row]
        if key.object_id == object_id and key.absent and key.number <= end + 1 and last_number(key) >= begin - 1:
            begin, end = min(begin, key.number), max(end, last_number(key))
            keys.remove(row)
    overriding = sum(number in painted for number in range(begin, end + 1))
    begin = next(number for number in range(begin, end + 1) if number not in painted)
    set_absent(clip, object_id, clips.scene_frame_of(clip, begin))
    key = find_keyframe(clip, object_id, begin)
    assert key is not None  # just set
    key.frames = end - begin + 1
    return overriding


def range_to_offer(clip: MovieClip, object_id: int, scene: Scene) -> tuple[int, int, bool]:
    """Return the first and last scene frame of a range to begin with, and whether it is already there.

    That is the range on the current frame, the preview range if it is set, or from the current frame to the clip's end.
    Raises KeyframeOutsideClip if the current frame is outside the clip.
    """
    frame = clips.media_frame_inside(clip, scene.frame_current)
    key = absence_on(clip, object_id, clips.number(clip, frame))
    if key is not None and key.frames > 1:
        return clips.scene_frame_of(clip, key.number), clips.scene_frame_of(clip, last_number(key)), True
    last = clips.scene_frame(clip, clips.frame_count(clip) - 1)
    if scene.use_preview_range:
        first = max(scene.frame_preview_start, clips.scene_frame(clip, 0))
        if first <= min(scene.frame_preview_end, last):
            return first, min(scene.frame_preview_end, last), False
    return scene.frame_current, last, False


def job_absences(clip: MovieClip) -> tuple[Absence, ...]:
    """Return the ranges of more than a frame on which objects are not visible, in media frames of the clip."""
    ranges = [(key.object_id, key.number, key.frames) for key in clip.matting.keyframes if key.frames > 1]
    first, end = (clips.first_number(clip), clips.frame_count(clip)) if ranges else (0, 0)
    found = [
        Absence(object_id, range(max(0, number - first), min(end, number - first + count)))
        for object_id, number, count in ranges
    ]
    return tuple(one for one in found if one.frames)


def _remove(clip: MovieClip, object_id: int, number: int) -> None:
    """Remove the range on the frame with this file number, if there is one."""
    key = absence_on(clip, object_id, number)
    if key is not None:
        clip.matting.keyframes.remove(row_of(clip, key))


def _checked_range(clip: MovieClip, object_id: int, first: int, last: int) -> tuple[int, int]:
    """Return the file numbers of a range of scene frames. Raises what `set_absence` raises."""
    check_unlocked(clip, object_id)
    if object_id in mask_ids(clip):
        item = find_object(clip, object_id)
        raise BadSetting(
            f"{item.name if item else object_id} is a mask, whose keyframes hold until the next one",
            remedy="To end it, click Object Not Visible on the first frame without it.",
        )
    if last < first:
        raise BadSetting(
            f"the range ends on frame {last}, before it begins on frame {first}",
            remedy="Choose an End that is not before the Start.",
        )
    begin, end = clips.number_inside(clip, first), clips.number_inside(clip, last)
    if _painted(clip, object_id).issuperset(range(begin, end + 1)):
        raise BadSetting(
            f"there are keyframes on all frames {first} to {last}", remedy="Clear those on which it is not visible."
        )
    return begin, end


def _painted(clip: MovieClip, object_id: int) -> set[int]:
    """Return the file numbers of the frames on which a keyframe shows the object."""
    return {key.number for key in clip.matting.keyframes if key.object_id == object_id and not key.absent}
