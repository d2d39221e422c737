"""Painting of keyframes: a stroke begins on the canvas, changes it as the mouse moves, and ends as a keyframe."""

from __future__ import annotations

import numpy as np
from bpy.types import MovieClip

from ..engine.shared.errors import (
    ClipNotFound,
    DiskFull,
    EngineError,
    FolderNotWritable,
    KeyframeEmpty,
    KeyframeSizeMismatch,
)
from . import canvas, clips, keyframes, starts, unstored
from .brush import Brush
from .canvas import Canvas
from .objects import active_object, add_object, check_unlocked, find_object, remove_active_object, visible_objects
from .saving import check_clip_saved
from .stroke import Stroke

_KEPT = "what could not be stored"

_last_end: tuple[tuple[int, int, int], tuple[float, float]] | None = None  # key of a canvas, and where on it
_running: Stroke | None = None  # the stroke being made
_newest: tuple[str, np.ndarray] | None = None  # version and alpha of the keyframe that was painted last


def begin(clip: MovieClip, scene_frame: int, style: Brush, radius: float, *, use_pressure: bool = False) -> Stroke:
    """Begin a stroke of the active object on a scene frame, and put its canvas up to be drawn.

    The stroke starts from the object's keyframe there, else from its computed matte, else from nothing. Without an
    active object, one is added. Raises EngineError if the frame or the object cannot be painted; nothing is changed.
    """
    global _running
    check_clip_saved(clip)
    clips.video_clip(clip)
    _check_image(clip, scene_frame)
    number = clips.number_inside(clip, scene_frame)
    item = active_object(clip)
    if item is not None:
        check_unlocked(clip, item.object_id)
    added = item is None
    item = item or add_object(clip)
    key = (clip.session_uid, item.object_id, number)
    try:
        alpha, source = _start(clip, key)
    except EngineError:
        if added:
            remove_active_object(clip)
        raise
    canvas.current = Canvas(*key, alpha)
    _running = Stroke(canvas.current, style, radius, use_pressure, added, source)
    return _running


def end(stroke: Stroke) -> str:
    """Store the canvas as the object's keyframe on the frame on which the stroke began, and say so in words.

    If the disk is full or the folder read-only, the canvas stays to be stored later. Raises DiskFull and
    FolderNotWritable then, and KeyframeEmpty if nothing of the object would be left: the stroke is taken back.
    """
    global _last_end, _running
    _running = None
    place = stroke.finish()
    try:
        text = _store(stroke.canvas, stroke.source)
    except (DiskFull, FolderNotWritable) as error:
        unstored.keep(stroke.canvas)
        first = "Free some space" if isinstance(error, DiskFull) else "Make it writable"
        raise type(error)(
            f"{error.message}; the stroke stays on screen, but is not stored",
            remedy=f"{first}, then click Store Again or paint on.",
        ) from error
    except KeyframeEmpty:
        name, frame = _names(stroke.canvas)
        discard(stroke)
        raise KeyframeEmpty(
            f"the stroke would leave nothing of {name} on frame {frame}, so it was taken back",
            remedy="If the object is not visible there, click Object Not Visible.",
        ) from None
    except EngineError:
        discard(stroke)
        raise
    unstored.drop(stroke.canvas)
    _last_end = (unstored.key_of(stroke.canvas), place) if place else None
    _put_down()
    return text


def discard(stroke: Stroke) -> None:
    """Take a stroke back, and the object that was added for it."""
    global _running
    _running = None
    clip = _clip(stroke.canvas)
    if clip and stroke.added_object and active_object(clip) == find_object(clip, stroke.canvas.object_id):
        remove_active_object(clip)
    _put_down()


def keyframe_changed(clip_uid: int, object_id: int, number: int, before: np.ndarray, after: np.ndarray) -> None:
    """Put a keyframe's new alpha (H, W) uint8 beneath the stroke that is being made on it, if there is one.

    Otherwise the stroke would bring back the alpha `before`, from which it began.
    """
    if _running and unstored.key_of(_running.canvas) == (clip_uid, object_id, number):
        _running.begin_from(before, after)


def last_end(stroke: Stroke) -> tuple[float, float] | None:
    """Return where the last stroke ended, if it was on the same object and frame."""
    return _last_end[1] if _last_end and _last_end[0] == unstored.key_of(stroke.canvas) else None


def store_again() -> list[str]:
    """Store the canvases that could not be stored, and say so in words. Raises what `end` raises."""
    texts = []
    for kept in unstored.all_kept():
        if not _is_gone(kept):
            texts.append(_store(kept, _KEPT))
        unstored.drop(kept)
    _put_down()
    return texts


def drop_unstored(clip: MovieClip, object_id: int, number: int) -> None:
    """Let go of a canvas of this object and frame that could not be stored, since it has another keyframe now."""
    kept = unstored.find(clip.session_uid, object_id, number)
    if kept is not None:
        unstored.drop(kept)
        _put_down()


def forget() -> None:
    """Drop all canvases: those that could not be stored, and that of the stroke being made."""
    global _last_end, _newest, _running
    unstored.clear()
    canvas.current = _last_end = _newest = _running = None


def _start(clip: MovieClip, key: tuple[int, int, int]) -> tuple[np.ndarray, str]:
    """Return what a stroke starts from, and what that is in words. What was painted last is not read from disk."""
    kept = unstored.find(*key)
    if kept is not None:
        return kept.alpha.copy(), _KEPT
    _, object_id, number = key
    keyframe = keyframes.find_keyframe(clip, object_id, number)
    if keyframe is not None and _newest is not None and keyframe.version == _newest[0]:
        width, height = clips.pixel_size(clip)
        if _newest[1].shape == (height, width):
            return _newest[1].copy(), "its keyframe"
    return starts.start_alpha(clip, object_id, number)


def _store(kept: Canvas, source: str) -> str:
    global _newest
    clip = _clip(kept)
    item = find_object(clip, kept.object_id) if clip else None
    if clip is None or item is None:
        raise ClipNotFound("the clip or the object was removed during the stroke", remedy="Undo to bring it back.")
    check_unlocked(clip, kept.object_id)
    width, height = clips.pixel_size(clip)
    if kept.alpha.shape != (height, width):
        raise KeyframeSizeMismatch(
            f"clip {clip.name} is {width}x{height} now, and was {kept.alpha.shape[1]}x{kept.alpha.shape[0]} when the "
            "stroke began",
            remedy="Paint again.",
        )
    frame = clips.scene_frame_of(clip, kept.number)
    is_new = keyframes.find_keyframe(clip, kept.object_id, kept.number) is None
    keyframes.set_keyframe(clip, kept.object_id, frame, kept.alpha)
    keyframe = keyframes.find_keyframe(clip, kept.object_id, kept.number)
    assert keyframe is not None  # it has just been set
    _newest = keyframe.version, kept.alpha
    origin = f" from {source}" if source else ""
    text = f"New keyframe of {item.name} on frame {frame}{origin}" if is_new else f"{item.name}, frame {frame}: painted"
    return text if item in visible_objects(clip) else f"{text}; {item.name} is hidden, see the object list"


def _check_image(clip: MovieClip, scene_frame: int) -> None:
    """Raise ClipNotFound if the image of this frame was there when Blender opened the sequence, and is missing now."""
    frame, count = clips.media_frame(clip, scene_frame), clips.frame_count(clip)
    if clip.source == "SEQUENCE" and count <= frame < clip.frame_duration + clip.frame_offset:
        raise ClipNotFound(
            f"an image of clip {clip.name} is missing: that of frame {clips.scene_frame(clip, count)}",
            remedy="Put the file back, and reload the clip.",
        )


def _clip(kept: Canvas) -> MovieClip | None:
    return clips.find_clip(kept.clip_uid)


def _is_gone(kept: Canvas) -> bool:
    clip = _clip(kept)
    return clip is None or find_object(clip, kept.object_id) is None


def _names(kept: Canvas) -> tuple[str, int]:
    """Return the name of the canvas's object, and its scene frame."""
    clip = _clip(kept)
    item = find_object(clip, kept.object_id) if clip else None
    assert clip and item  # storing has found them
    return item.name, clips.scene_frame_of(clip, kept.number)


def _put_down() -> None:
    """End drawing of the canvas, unless a stroke is being made. One that could not be stored takes its place."""
    canvas.current = _running.canvas if _running else next(iter(unstored.all_kept()), None)
