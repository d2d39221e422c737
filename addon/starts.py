"""What painting starts from: what the overlay shows of an object on the frame, or what another object has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from bpy.types import MovieClip

from ..engine.shared.alphas import INSIDE, hard_alpha
from ..engine.shared.errors import KeyframeEmpty, KeyframeSizeMismatch, MatteUnreadable, NothingPropagated
from . import clips, keyframes, png
from .folders import existing_folder
from .keyframe_table import KeyframeTable
from .objects import mask_ids


def start_alpha(clip: MovieClip, object_id: int, number: int) -> tuple[np.ndarray, str]:
    """Return what the object has on the frame with the file number `number`, and what that is in words.

    That is its keyframe, else its computed matte, else nothing (and empty words). A garbage or hold-out mask has the
    keyframe that holds there. On a range on which an object is not visible, it has nothing, whatever was computed
    before. The alpha is (H, W) uint8, of the clip's size, and may be changed. Raises KeyframeUnreadable,
    KeyframeSizeMismatch, MatteUnreadable, ClipUnreadable.
    """
    width, height = clips.pixel_size(clip)
    table, is_mask = KeyframeTable(clip), object_id in mask_ids(clip)
    key = table.held(object_id, number) if is_mask else table.own(object_id, number)
    if key is not None:
        alpha = keyframes.keyframe_alpha(clip, key)
        if alpha.shape != (height, width):
            raise KeyframeSizeMismatch(
                f"the keyframe on frame {clips.scene_frame_of(clip, key.number)} is {_size(alpha)}, but clip "
                f"{clip.name} is {width}x{height}",
                remedy="Clear this keyframe to paint it again, or open the clip that it was made for.",
            )
        return np.array(alpha), "its keyframe" if alpha.any() else ""
    computed = None if table.is_absent(object_id, number) else _computed(clip, object_id, number)
    if computed is None:
        return np.zeros((height, width), np.uint8), ""
    if computed.shape != (height, width):
        raise MatteUnreadable(
            f"the computed matte on frame {clips.scene_frame_of(clip, number)} is {_size(computed)}, but clip "
            f"{clip.name} is {width}x{height}",
            remedy="Click Empty under Start from to paint without it, or propagate again.",
        )
    return np.array(computed), "its computed matte" if computed.any() else ""


def neighbour_alpha(clip: MovieClip, object_id: int, number: int, *, later: bool) -> tuple[np.ndarray, int]:
    """Return the alpha (H, W) uint8 of the object's nearest keyframe after or before frame `number`, and its number.

    Keyframes that mark the object as absent are passed over. Raises NothingPropagated if there is none, and what
    `start_alpha` raises.
    """
    numbers = [
        key.number
        for key in clip.matting.keyframes
        if key.object_id == object_id and not key.absent and (key.number > number if later else key.number < number)
    ]
    if not numbers:
        raise NothingPropagated(
            f"the object has no keyframe {'after' if later else 'before'} frame {clips.scene_frame_of(clip, number)}",
            remedy="Paint it on this frame, or start from another object.",
        )
    nearest = min(numbers) if later else max(numbers)
    return start_alpha(clip, object_id, nearest)[0], nearest


def object_alpha(clip: MovieClip, object_id: int, number: int, name: str) -> np.ndarray:
    """Return what the object called `name` has on frame `number`, (H, W) uint8, to be used for another object.

    Raises KeyframeEmpty if that is nothing, and what `start_alpha` raises.
    """
    alpha, _ = start_alpha(clip, object_id, number)
    if not (alpha >= INSIDE).any():
        raise KeyframeEmpty(
            f"{name} has nothing on frame {clips.scene_frame_of(clip, number)}",
            remedy="Choose an object that has a keyframe or a matte on this frame.",
        )
    return alpha


def _computed(clip: MovieClip, object_id: int, number: int) -> np.ndarray | None:
    """Return the object's computed matte (H, W) uint8, or its pixels of the label image; None without either."""
    folder = existing_folder(clip)
    if folder is None:
        return None
    matte, labels = folder.matte(object_id, number), folder.labels(number)
    if matte.is_file():
        return _read(matte)
    if labels.is_file():
        return hard_alpha(_read(labels) == object_id)
    return None


def _read(path: Path) -> np.ndarray:
    try:
        return png.read(path).values
    except (OSError, png.PngError) as error:
        raise MatteUnreadable(
            f"the computed matte cannot be read: {path}",
            remedy="Click Empty under Start from to paint without it, or delete the file and propagate again.",
        ) from error


def _size(alpha: np.ndarray) -> str:
    return f"{alpha.shape[1]}x{alpha.shape[0]}"
