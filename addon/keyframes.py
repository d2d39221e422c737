"""Mask keyframes: the user's mask of an object on a frame, stored as an alpha image on disk."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from bpy.types import Mask, MovieClip, Scene

from ..engine.shared.alphas import INSIDE, hard_alpha, soft_alpha
from ..engine.shared.errors import KeyframeEmpty, KeyframeOutsideClip, KeyframeUnreadable, NoActiveMask
from ..engine.shared.files import atomic_write
from ..engine.shared.mask_images import Masks, Meaning
from ..engine.shared.matte_folder import MatteFolder
from ..engine.shared.types import KeyframeFile
from . import clips, mask_layers, mask_render, mask_space, png, suggestions
from .folders import existing_folder, matte_folder, readable_folder
from .objects import check_unlocked, mask_ids
from .properties import MatteKeyframe

_ALPHA = Meaning(Masks.BINARY, half=INSIDE - 0.5)  # how the engine reads a keyframe's image


def mask_alpha(mask: Mask, clip: MovieClip, scene: Scene, object_id: int) -> np.ndarray:
    """Return the mask on the scene's current frame, (H, W) uint8 at the clip's size, as Blender's Mask node draws it.

    Anti-aliased and feathered edges stay soft. If `mask` is the one made from the clip's mattes, only the object's
    layers are drawn.
    Raises NoActiveMask if the object has no layers there, ClipNotFound, ClipUnreadable, BlenderLimit.
    """
    clips.video_clip(clip)
    layers = None
    if mask == clip.matting.mask:
        layers = mask_layers.layers_of(clip, object_id)
        if not layers:
            raise NoActiveMask(
                f"mask {mask.name} has no layer of this object",
                remedy="Draw this object on a layer of its own, or select another mask in the editor's header.",
            )
    alpha = mask_render.rasterise(mask, scene, mask_space.of_clip(clip), layers=layers)
    return soft_alpha(alpha, alpha >= 0.5)


def set_keyframe(clip: MovieClip, object_id: int, scene_frame: int, alpha: np.ndarray) -> None:
    """Set an object's keyframe to `alpha` (H, W) uint8. Pixels from INSIDE on belong to the object.

    Raises KeyframeEmpty if there are none, KeyframeOutsideClip, ObjectLocked.
    """
    if not (alpha >= INSIDE).any():
        raise KeyframeEmpty("the mask is empty on this frame")
    _store(clip, object_id, scene_frame, alpha)


def keyframe_alpha(clip: MovieClip, key: MatteKeyframe) -> np.ndarray:
    """Return the keyframe's alpha, (H, W) uint8. Raises KeyframeUnreadable if its image is missing or damaged."""
    folder = readable_folder(clip)
    path = folder.keyframe_version(key.version)
    try:
        values = png.read(path).values
    except (OSError, png.PngError) as error:
        copy = _copy_for_jobs(folder, key)
        if copy is not None:
            return copy
        raise KeyframeUnreadable(
            f"the image of the keyframe on frame {clips.scene_frame_of(clip, key.number)} cannot be read: {path}",
            remedy="Make this keyframe again, or clear it.",
        ) from error
    return values if key.is_alpha else hard_alpha(values > 0)


def set_absent(clip: MovieClip, object_id: int, scene_frame: int) -> None:
    """Set a keyframe that marks an object as absent. Raises KeyframeOutsideClip, ObjectLocked.

    On a frame of a range on which the object is not visible, only the keyframe that overrides it is removed.
    """
    number = clips.number_at(clip, scene_frame)
    if absence_on(clip, object_id, number) is not None:
        if find_keyframe(clip, object_id, number) not in (None, absence_on(clip, object_id, number)):
            clear_keyframe(clip, object_id, scene_frame)
        return
    film = clips.video_clip(clip)
    _store(clip, object_id, scene_frame, np.zeros((film.height, film.width), np.uint8))


def find_keyframe(clip: MovieClip, object_id: int, number: int) -> MatteKeyframe | None:
    """Return the object's keyframe on the frame with the file number `number`, or None."""
    return next((key for key in clip.matting.keyframes if (key.object_id, key.number) == (object_id, number)), None)


def row_of(clip: MovieClip, key: MatteKeyframe) -> int:
    """Return the index of a keyframe among those of the clip."""
    return [*clip.matting.keyframes].index(key)


def last_number(key: MatteKeyframe) -> int:
    """Return the file number of the last frame for which a keyframe holds, which is its own unless it is a range."""
    return int(key.number + key.frames - 1)


def absence_on(clip: MovieClip, object_id: int, number: int) -> MatteKeyframe | None:
    """Return the keyframe or range that says that the object is not visible on a frame, if any, even if overridden."""
    absent = (key for key in clip.matting.keyframes if key.object_id == object_id and key.absent)
    return next((key for key in absent if key.number <= number <= last_number(key)), None)


def overlap_messages(clip: MovieClip, object_id: int, scene_frame: int) -> list[str]:
    """Return one message per other object whose keyframe on this frame shares pixels with the keyframe of the object.

    A shared pixel belongs to the object that is higher in the list.
    """
    number = clips.number_at(clip, scene_frame)
    names = {item.object_id: item.name for item in clip.matting.objects}
    messages = []
    keyframe = find_keyframe(clip, object_id, number)
    if keyframe is None:  # the frame is in a range on which the object is not visible
        return []
    mask = _pixels(clip, keyframe)
    for other_id in names:
        other_keyframe = find_keyframe(clip, other_id, number)
        if other_id == object_id or other_keyframe is None or mask_ids(clip) & {object_id, other_id}:
            continue
        other_mask = _pixels(clip, other_keyframe)
        count = int((mask & other_mask).sum()) if mask.shape == other_mask.shape else 0
        if count:
            upper, lower = sorted((object_id, other_id), key=list(names).index)
            messages.append(f"{count} pixels of {names[lower]} are covered by {names[upper]}")
    return messages


def clear_keyframe(clip: MovieClip, object_id: int, scene_frame: int) -> bool:
    """Remove a keyframe, or the range that holds on this frame, and return whether there was one.

    Its image is kept for undo. Raises ObjectLocked.
    """
    number = clips.number_at(clip, scene_frame)
    key = find_keyframe(clip, object_id, number) or absence_on(clip, object_id, number)
    if key is None:
        return False
    check_unlocked(clip, object_id)
    matte_folder(clip).keyframe(object_id, key.number).unlink(missing_ok=True)
    clip.matting.keyframes.remove(row_of(clip, key))
    return True


def keyframe_files(clip: MovieClip) -> tuple[KeyframeFile, ...]:
    """Return the clip's keyframes for the engine. Images on disk are updated first.

    They are sorted by frame and, from the last object of the list to the first, by object: the engine lays those of a
    frame over each other in this order, so the first object lies on top.
    Raises KeyframeOutsideClip, KeyframeUnreadable.
    """
    if existing_folder(clip) is None:
        return ()
    folder = matte_folder(clip)
    keys = in_order(clip)
    current = {folder.keyframe(key.object_id, key.number) for key in keys}
    for path in folder.keyframe_files():
        if path not in current:
            path.unlink()
    files = [(key, _keyframe_file(clip, folder, key)) for key in keys]
    return tuple(file for key, file in files) + range_ends(files, clips.first_number(clip), clips.frame_count(clip))


def in_order(clip: MovieClip) -> list[MatteKeyframe]:
    """Return the keyframes of all objects by frame and, from the last object of the list to the first, by object."""
    masks = mask_ids(clip)
    depths = {item.object_id: depth for depth, item in enumerate(clip.matting.objects)}
    lowest = len(depths)  # of objects that are no longer in the list
    marked = [key for key in clip.matting.keyframes if key.object_id not in masks]
    return sorted(marked, key=lambda key: (key.number, -depths.get(key.object_id, lowest)))


def store_image(clip: MovieClip, alpha: np.ndarray) -> str:
    """Write an alpha (H, W) uint8 to the clip's folder, and return the hash of its content, which names the file.

    An undo reverts properties but not files. As each content has its own file, every undo step finds its image.
    """
    version = _hash(alpha)
    with atomic_write(image_path(clip, version)) as part:
        png.write_grey(part, alpha)
    return version


def image_path(clip: MovieClip, version: str) -> Path:
    """Return the path of the image whose content has the hash `version`, in the clip's folder for writing."""
    return matte_folder(clip).keyframe_version(version)


def _store(clip: MovieClip, object_id: int, scene_frame: int, alpha: np.ndarray) -> None:
    check_unlocked(clip, object_id)
    number = clips.number_inside(clip, scene_frame)
    _give_way(clip, object_id, number)
    version = store_image(clip, alpha)
    key = find_keyframe(clip, object_id, number) or clip.matting.keyframes.add()
    key.number, key.object_id, key.version, key.is_alpha, key.frames = number, object_id, version, True, 1
    key.area = int(np.count_nonzero(alpha >= INSIDE))
    key.absent = not key.area
    put_in_place(clip, len(clip.matting.keyframes) - 1)
    if object_id not in mask_ids(clip):
        suggestions.remove(clip, number)


def _pixels(clip: MovieClip, key: MatteKeyframe) -> np.ndarray:
    """Return the keyframe's mask, (H, W) bool; of shape (0, 0) if its image is missing or damaged."""
    try:
        return keyframe_alpha(clip, key) >= INSIDE
    except KeyframeUnreadable:
        return np.zeros((0, 0), bool)


def _hash(alpha: np.ndarray) -> str:
    return hashlib.sha256(alpha.tobytes()).hexdigest()[:20]


def _copy_for_jobs(folder: MatteFolder, key: MatteKeyframe) -> np.ndarray | None:
    """Return the alpha (H, W) uint8 of the copy that jobs read, if it is readable and holds what the keyframe does."""
    try:
        values = png.read(folder.keyframe(key.object_id, key.number)).values
    except (OSError, png.PngError):
        return None
    return values if key.is_alpha and _hash(values) == key.version else None


def _is_readable(path: Path) -> bool:
    try:
        png.read(path)
    except (OSError, png.PngError):
        return False
    return True


def _keyframe_file(clip: MovieClip, folder: MatteFolder, key: MatteKeyframe) -> KeyframeFile:
    number, object_id, version = key.number, key.object_id, key.version
    frame = clips.media_frame_of(clip, number)
    count = clips.frame_count(clip)
    if not 0 <= frame < count:
        raise KeyframeOutsideClip(
            f"the keyframe of object {object_id} on frame {clips.scene_frame(clip, frame)} is outside the clip, "
            f"which has {count} frames",
            remedy="Clear this keyframe, or open the clip that it was made for.",
        )
    path, version_path = folder.keyframe(object_id, number), folder.keyframe_version(version)
    if not (version_path.exists() and path.exists() and path.read_bytes() == version_path.read_bytes()):
        if _is_readable(version_path):
            with atomic_write(path) as part:
                shutil.copyfile(version_path, part)
        elif _copy_for_jobs(folder, key) is None and (key.is_alpha or not path.exists()):
            # A copy of another version would silently be used in place of this one.
            raise KeyframeUnreadable(
                f"the image of the keyframe on frame {clips.scene_frame(clip, frame)} is missing or damaged: "
                f"{version_path}",
                remedy="Make this keyframe again, or clear it.",
            )
    return file_of(key, path, frame)


def file_of(key: MatteKeyframe, path: Path, frame: int) -> KeyframeFile:
    """Return a keyframe on a media frame for the engine, with the path of its image."""
    object_id = key.object_id
    if not key.is_alpha:
        return KeyframeFile(frame=frame, labels=path, objects=(object_id,))
    return KeyframeFile(frame=frame, labels=path, objects=(object_id,), meaning=_ALPHA, object_id=object_id)


def _give_way(clip: MovieClip, object_id: int, number: int) -> None:
    """Let a range that begins on a frame begin after it, as a keyframe that overrides it is to be set there."""
    keys = clip.matting.keyframes
    key = find_keyframe(clip, object_id, number)
    if key is not None and key.frames > 1:
        painted = {other.number for other in keys if other.object_id == object_id and not other.absent} | {number}
        left = [frame for frame in range(number, last_number(key) + 1) if frame not in painted]
        if not left:
            keys.remove(row_of(clip, key))
            return
        key.number, key.frames = left[0], last_number(key) - left[0] + 1
        put_in_place(clip, row_of(clip, key))


def range_ends(files: Sequence[tuple[MatteKeyframe, KeyframeFile]], first: int, count: int) -> tuple[KeyframeFile, ...]:
    """Return a keyframe on the last frame of each range, so that the network learns both of its ends."""
    marked = {(key.object_id, key.number) for key, _ in files}
    ends = []
    for key, file in files:
        last = min(last_number(key), first + count - 1)
        if key.frames > 1 and (key.object_id, last) not in marked:
            ends.append(replace(file, frame=last - first))
    return tuple(ends)


def put_in_place(clip: MovieClip, row: int) -> None:
    """Move the only keyframe that can be out of order to its place by frame and object."""
    keys = clip.matting.keyframes
    order = [(key.number, key.object_id) for key in keys]
    keys.move(row, sum(sort_key < order[row] for sort_key in order))
