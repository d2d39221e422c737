"""Snapping: the engine cleans the rough mask of a keyframe, beside whatever else it does."""

from __future__ import annotations

import shutil
import time
import uuid
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import bpy
import numpy as np
from bpy.types import MovieClip

from ..engine.shared.alphas import INSIDE
from ..engine.shared.arrays import ArrayDamaged, read_npy
from ..engine.shared.errors import (
    BadSetting,
    EngineDied,
    EngineError,
    KeyframeEmpty,
    KeyframeSizeMismatch,
    KeyframeUnreadable,
    NoActiveObject,
)
from ..engine.shared.files import atomic_write
from ..engine.shared.marks import marks_of
from ..engine.shared.protocol import Failed, Segment, Segmented
from ..engine.shared.text import printable
from ..engine.shared.types import SegmentationJob
from . import clips, keyframes, listening, notices, painting, png
from .exchange import new_folder
from .objects import check_unlocked, find_object
from .session import session

_PART = 0.5  # of a rough mask: an object that covers more of it is what the rough mask is a part of


@dataclass(frozen=True)
class _Request:
    """Keyframe whose snapping the engine has not answered yet."""

    clip_uid: int  # session_uid; references to Blender's data do not survive an undo
    object_id: int
    number: int  # file number of the frame
    version: str  # of the keyframe when the engine was asked
    sure: np.ndarray | None  # (H, W) bool: pixels that keep their alpha

    def asks_like(self, other: _Request) -> bool:
        """Return whether both are about the same mask."""
        mine = self.clip_uid, self.object_id, self.number, self.version
        return mine == (other.clip_uid, other.object_id, other.number, other.version)


@dataclass(frozen=True)
class Outcome:
    """What became of the last snap."""

    clip_uid: int = 0  # session_uid
    text: str = ""
    error: EngineError | None = None


_pending: dict[str, _Request] = {}  # by job id
outcome = Outcome()


def start(
    clip: MovieClip,
    object_id: int,
    scene_frame: int,
    rough_alpha: np.ndarray,
    *,
    sure: np.ndarray | None = None,
    not_object: np.ndarray | None = None,
    strokes: bool = False,
) -> None:
    """Ask the engine to clean an object's keyframe on a frame, and return at once; the result comes by a timer.

    `rough_alpha` (H, W) uint8 is what the keyframe holds by now. Pixels in `sure` (H, W) bool, such as the mask before
    a lasso was added, keep their alpha; those in `not_object` (H, W) bool do not become part of the object. With
    `strokes`, the mask is not the object's rough shape, but lines drawn on it. If the keyframe is changed before the
    answer comes, the answer is dropped. What came of it is in `outcome`.

    Raises EngineMissing, EngineBusy, KeyframeEmpty, KeyframeSizeMismatch, KeyframeOutsideClip, ObjectLocked, DiskFull,
    FolderNotWritable, ClipNotFound, ClipUnreadable.
    """
    frame = clips.media_frame_inside(clip, scene_frame)
    number = clips.number(clip, frame)
    film = clips.video_clip(clip)
    key = keyframes.find_keyframe(clip, object_id, number)
    check_unlocked(clip, object_id)
    if key is None or not (rough_alpha >= INSIDE).any():
        raise KeyframeEmpty(
            f"there is no mask to snap on frame {scene_frame}", remedy="Draw a rough mask of the object first."
        )
    if rough_alpha.shape != (film.height, film.width):
        raise KeyframeSizeMismatch(
            f"the keyframe on frame {scene_frame} is {rough_alpha.shape[1]}x{rough_alpha.shape[0]}, but clip "
            f"{clip.name} is {film.width}x{film.height}",
        )
    request = _Request(clip.session_uid, object_id, number, key.version, sure)
    if any(other.asks_like(request) for other in _pending.values()):
        return
    inside = rough_alpha >= INSIDE
    excluded = _others(clip, object_id, number, inside)
    if not_object is not None:
        excluded |= not_object
    if strokes:
        marks = marks_of(np.zeros_like(inside), sure=inside, excluded=excluded)
    else:
        marks = marks_of(inside, sure=sure, excluded=excluded)
    folder = new_folder()
    try:
        job = SegmentationJob(uuid.uuid4().hex, film, frame, marks=folder / "marks.png", alpha=folder / "alpha.npy")
        with atomic_write(job.marks) as part:
            png.write_grey(part, marks)
        session.ask_beside(Segment(job), partial(_receive, job.job_id, folder))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _pending[job.job_id] = request
    listening.listen_closely()


def clear_outcome() -> None:
    """Forget what became of the last snap, since the user goes on."""
    global outcome
    outcome = Outcome()


def is_pending(clip: MovieClip) -> bool:
    """Return whether a keyframe of the clip is being snapped."""
    return any(request.clip_uid == clip.session_uid for request in _pending.values())


def wait(seconds: float = 600.0) -> str:
    """Wait until all snaps are done, and return the text of the last. For background mode, where no timer runs.

    Raises EngineError if it failed, and EngineDied if it takes longer than `seconds`.
    """
    limit = time.monotonic() + seconds
    while _pending:
        session.pump()
        if time.monotonic() > limit:
            raise EngineDied(f"the engine did not answer within {seconds:.0f} s")
        time.sleep(0.01)
    if outcome.error:
        raise outcome.error
    return outcome.text


def forget() -> None:
    """Drop all answers that have not come yet, because another file is loaded or the extension disabled."""
    global outcome
    _pending.clear()
    outcome = Outcome()


def _receive(job_id: str, folder: Path, answer: Segmented | Failed) -> None:
    """Store what the engine has answered, as one undo step, and keep in `outcome` what became of it."""
    global outcome
    request = _pending.pop(job_id, None)
    try:
        if request is not None:  # else it was forgotten
            outcome = _outcome(request, answer)
            if outcome.error:
                notices.show(request.clip_uid, f"Not snapped: {outcome.error.sentence()}")
            listening.redraw()
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # of the files exchanged with the engine


def _outcome(request: _Request, answer: Segmented | Failed) -> Outcome:
    try:
        if isinstance(answer, Failed):
            raise EngineError(printable(answer.message, 500), remedy=printable(answer.remedy, 500))
        return Outcome(request.clip_uid, _store(request, answer))
    except EngineError as error:
        return Outcome(request.clip_uid, error=error)


def _store(request: _Request, answer: Segmented) -> str:
    """Set the keyframe to the engine's answer, push an undo step, and return a text to show.

    Raises BadSetting if the keyframe is not as it was, or if its object is locked; KeyframeUnreadable, DiskFull,
    FolderNotWritable.
    """
    clip = clips.find_clip(request.clip_uid)
    key = clip and keyframes.find_keyframe(clip, request.object_id, request.number)
    if not clip or not key or key.version != request.version:
        raise BadSetting("the keyframe was changed meanwhile, so the snapped mask was dropped", remedy="Snap again.")
    item = find_object(clip, request.object_id)
    if item is None:
        raise NoActiveObject("the object was removed while its mask was snapped", remedy="Undo to bring it back.")
    check_unlocked(clip, request.object_id)
    try:
        alpha = read_npy(answer.alpha)
    except (OSError, ArrayDamaged) as error:
        raise KeyframeUnreadable(f"the snapped mask cannot be read ({error})", remedy="Snap again.") from error
    before = keyframes.keyframe_alpha(clip, key)
    if alpha.shape != before.shape or alpha.dtype != np.uint8:
        raise KeyframeSizeMismatch("the snapped mask is not of the clip's size", remedy="Snap again.")
    if request.sure is not None:
        alpha = np.where(request.sure, before, alpha)
    frame = clips.scene_frame_of(clip, request.number)  # the clip may have been moved in the scene meanwhile
    keyframes.set_keyframe(clip, request.object_id, frame, alpha)
    bpy.ops.ed.undo_push(message="Snap")
    painting.keyframe_changed(request.clip_uid, request.object_id, request.number, before, alpha)
    return f"{item.name} snapped on frame {frame}: {np.count_nonzero(alpha >= INSIDE)} pixels"


def _others(clip: MovieClip, object_id: int, number: int, rough: np.ndarray) -> np.ndarray:
    """Return the pixels (H, W) bool of the clip's other objects on a frame, as far as keyframes show them.

    An object that covers most of the rough mask is left out, since the rough mask is a part of it, such as a hat. So
    are all if the object is a garbage or hold-out mask, which may cover anything.
    """
    taken = np.zeros_like(rough)
    item = find_object(clip, object_id)
    if item is None or item.role != "OBJECT":
        return taken
    for key in clip.matting.keyframes:
        if key.number != number or key.object_id == object_id or key.absent:
            continue
        try:
            other = keyframes.keyframe_alpha(clip, key) >= INSIDE
        except KeyframeUnreadable:  # which is said when it is needed
            continue
        if other.shape == rough.shape and (other & rough).sum() <= _PART * rough.sum():
            taken |= other
    return taken
