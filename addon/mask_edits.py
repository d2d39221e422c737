"""What the artist has edited of mask layers made from mattes: as images, as keyframes, and what mattes show of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bpy.types import MovieClip, Window

from ..engine.shared.alphas import INSIDE
from ..engine.shared.errors import KeyframeUnreadable
from . import clips, edit_records, keyframes, mask_render, png
from .folders import existing_folder
from .limits import check_frames
from .mask_keys import scratch_scene
from .mask_layers import layer_start, made_layers
from .objects import check_unlocked, matted_objects
from .properties import MatteKeyframe


@dataclass(frozen=True)
class Taken:
    """What became of an object's edited frames, by their file numbers."""

    made: list[int]  # have a keyframe of the edit now, or had it already
    kept: list[int]  # have another keyframe, which was not to be replaced
    empty: list[int]  # show nothing of the object


def edited_frames(clip: MovieClip, object_id: int) -> list[int]:
    """Return the file numbers of the clip's frames on which the artist has edited the object's mask layers, ascending.

    There are none if its layers are gone.
    """
    numbers = edit_records.edited_numbers(clip, object_id)
    if not numbers or not made_layers(clip, object_id):
        return []
    count = clips.frame_count(clip)
    return [number for number in numbers if 0 <= clips.media_frame_of(clip, number) < count]


def edited_objects(clip: MovieClip) -> list[int]:
    """Return the ids of objects of which the artist has edited mask layers, in the list's order."""
    return [item.object_id for item in matted_objects(clip) if edited_frames(clip, item.object_id)]


def edited_images(clip: MovieClip, object_id: int, folder: Path, window: Window) -> dict[int, Path]:
    """Render the object's mask layers on each edited frame to a grey image in `folder`, by the file number.

    The images have the clip's size, with soft edges as Blender draws them.
    Raises ClipNotFound, ClipUnreadable, BlenderLimit, OSError.
    """
    images = {}
    for number, alpha in _edited_alphas(clip, object_id, window):
        path = folder / f"edit_{object_id:03d}_{number:06d}.png"
        png.write_grey(path, alpha)
        images[number] = path
    return images


def take(clip: MovieClip, object_id: int, window: Window, *, replace: bool) -> Taken:
    """Set keyframes of the object from its mask layers on the frames that the artist has edited.

    Keyframes that are there already are replaced only if `replace`. The record of the edits stays.
    Raises ObjectLocked and what `edited_images` does.
    """
    check_unlocked(clip, object_id)
    taken = Taken([], [], [])
    for number, alpha in [*_edited_alphas(clip, object_id, window)]:
        frame, key = clips.scene_frame_of(clip, number), keyframes.find_keyframe(clip, object_id, number)
        if not (alpha >= INSIDE).any():
            taken.empty.append(number)
        elif key is not None and not _shows(clip, key, alpha) and not replace:
            taken.kept.append(number)
        else:
            keyframes.set_keyframe(clip, object_id, frame, alpha)
            taken.made.append(number)
    return taken


def keyframe_count(clip: MovieClip, object_ids: Iterable[int]) -> int:
    """Return how many of the edited frames of the objects have a keyframe."""
    return sum(
        keyframes.find_keyframe(clip, object_id, number) is not None
        for object_id in object_ids
        for number in edited_frames(clip, object_id)
    )


def forget_shown(clip: MovieClip, object_id: int, images: Mapping[int, Path]) -> set[int]:
    """Forget the edits that the object's mattes show, and return their file numbers.

    `images` has what `edited_images` returned. A matte shows an edit if it has the same pixels inside, as where the
    edit was taken as a keyframe and propagated.
    """
    folder = existing_folder(clip)
    if folder is None:
        return set()
    pairs = {number: (path, folder.matte(object_id, number)) for number, path in images.items()}
    shown = {number for number, pair in pairs.items() if _are_alike(*map(_inside, pair))}
    edit_records.withdraw(clip, object_id, shown)
    return shown


def forget(clip: MovieClip, object_id: int) -> None:
    """Forget all edits of an object, as its layers are written without them."""
    edit_records.withdraw(clip, object_id, edit_records.edited_numbers(clip, object_id))


def _edited_alphas(clip: MovieClip, object_id: int, window: Window) -> Iterator[tuple[int, np.ndarray]]:
    """Render the object's mask layers on each edited frame, and yield its file number and the alpha (H, W) uint8."""
    start = layer_start(clip, object_id)
    frames = {start + number: number for number in edited_frames(clip, object_id)}
    if not frames:
        return
    check_frames(frames)
    mask = clip.matting.mask
    with mask_render.points_kept(mask), mask_render.settings_kept(mask), scratch_scene(window) as scene:
        for frame, number in frames.items():
            scene.frame_set(frame)
            mask_render.take_over(mask.evaluated_get(window.view_layer.depsgraph), mask)
            yield number, keyframes.mask_alpha(mask, clip, scene, object_id)


def _shows(clip: MovieClip, key: MatteKeyframe, alpha: np.ndarray) -> bool:
    """Return whether a keyframe is the alpha (H, W) already."""
    try:
        return np.array_equal(keyframes.keyframe_alpha(clip, key), alpha)
    except KeyframeUnreadable:
        return False


def _inside(path: Path) -> np.ndarray | None:
    """Return which pixels of an image are inside, (H, W) bool; None if it cannot be read."""
    try:
        return png.read(path).values >= INSIDE
    except (OSError, png.PngError):
        return None


def _are_alike(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    return a is not None and b is not None and np.array_equal(a, b)
