"""Mask keyframes: what the user said about an object on a frame, kept as label images on disk."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
from bpy.types import Mask, MovieClip, Scene

from ..engine.shared.errors import KeyframeEmpty, KeyframeOutsideClip, KeyframeUnreadable, NoActiveMask
from ..engine.shared.files import atomic_write
from ..engine.shared.matte_folder import MatteFolder
from ..engine.shared.types import KeyframeFile
from . import clips, mask_layers, mask_render, png, suggestions
from .folders import existing_folder, matte_folder, readable_folder
from .objects import find_object
from .properties import MatteKeyframe


def mask_pixels(mask: Mask, clip: MovieClip, scene: Scene, object_id: int) -> np.ndarray:
    """The mask on the scene's current frame, (H, W) bool at the clip's size, as Blender's Mask node draws it.

    Of the mask that was made of the clip's mattes only what belongs to the object. Raises NoActiveMask if that is
    nothing.
    """
    film = clips.video_clip(clip)
    layers = None
    if mask == clip.matting.mask:
        layers = mask_layers.layers_of(clip, object_id)
        if not layers:
            raise NoActiveMask(
                f"mask {mask.name} has only layers of other objects",
                remedy="Draw this object on a layer of its own, or choose another mask in the editor's header.",
            )
    return mask_render.rasterise(mask, scene, film.width, film.height, layers=layers) >= 0.5


def set_keyframe(clip: MovieClip, object_id: int, scene_frame: int, pixels: np.ndarray) -> None:
    """Say where an object is on a frame: pixels (H, W) bool. Raises KeyframeEmpty if it is nowhere."""
    if not pixels.any():
        raise KeyframeEmpty("the mask covers no pixel of the clip on this frame")
    _set(clip, object_id, scene_frame, pixels)


def set_absent(clip: MovieClip, object_id: int, scene_frame: int) -> None:
    """Say that an object is not to be seen on a frame."""
    film = clips.video_clip(clip)
    _set(clip, object_id, scene_frame, np.zeros((film.height, film.width), bool))


def find_keyframe(clip: MovieClip, object_id: int, number: int) -> MatteKeyframe | None:
    """The object's keyframe on the frame whose files carry `number`, if there is one."""
    return next((key for key in clip.matting.keyframes if (key.object_id, key.number) == (object_id, number)), None)


def overlaps(clip: MovieClip, object_id: int, scene_frame: int) -> list[str]:
    """In words, how many pixels the object's keyframe shares with those of other objects on this frame: a pixel
    belongs to one object only, to that with the highest number."""
    folder, number = readable_folder(clip), clips.number(clip, clips.media_frame(clip, scene_frame))
    said = []
    own = _pixels(folder, find_keyframe(clip, object_id, number))
    for item in clip.matting.objects:
        key = find_keyframe(clip, item.object_id, number)
        if item.object_id == object_id or key is None:
            continue
        other = _pixels(folder, key)
        count = int((own & other).sum()) if own.shape == other.shape else 0
        if count:
            below, above = sorted((object_id, item.object_id))
            said.append(f"{count} pixels of {find_object(clip, below).name} lie under {find_object(clip, above).name}")
    return said


def clear_keyframe(clip: MovieClip, object_id: int, scene_frame: int) -> bool:
    """Forget a keyframe; whether there was one. Its image stays among the versions, so that undo finds it."""
    number = clips.number(clip, clips.media_frame(clip, scene_frame))
    matting = clip.matting
    for index, key in enumerate(matting.keyframes):
        if (key.object_id, key.number) == (object_id, number):
            matting.keyframes.remove(index)
            matte_folder(clip).keyframe(object_id, number).unlink(missing_ok=True)
            return True
    return False


def keyframe_files(clip: MovieClip) -> tuple[KeyframeFile, ...]:
    """The clip's keyframes as the engine wants them, ascending; the images on disk are brought in line first.

    Raises KeyframeOutsideClip, KeyframeUnreadable.
    """
    if existing_folder(clip) is None:
        return ()
    folder = matte_folder(clip)
    keys = sorted((key.number, key.object_id, key.version) for key in clip.matting.keyframes)
    wanted = {folder.keyframe(object_id, number) for number, object_id, _ in keys}
    for path in (folder.root / "keyframes").glob("[0-9]*/[0-9]*.png"):
        if path not in wanted:
            path.unlink()
    return tuple(_file(clip, folder, *key) for key in keys)


def _set(clip: MovieClip, object_id: int, scene_frame: int, pixels: np.ndarray) -> None:
    number = clips.number(clip, clips.media_frame_inside(clip, scene_frame))
    labels = pixels.astype(np.uint8) * np.uint8(object_id)
    version = hashlib.sha256(labels.tobytes()).hexdigest()[:20]
    folder = matte_folder(clip)
    for path in (_version(folder, version), folder.keyframe(object_id, number)):
        with atomic_write(path) as part:
            png.write_labels(part, labels)
    key = find_keyframe(clip, object_id, number) or clip.matting.keyframes.add()
    key.number, key.object_id, key.absent, key.version = number, object_id, not pixels.any(), version
    _sort(clip)
    suggestions.leave_out(clip, number)


def _pixels(folder: MatteFolder, key: MatteKeyframe) -> np.ndarray:
    """Where a keyframe's image has its object, (H, W) bool; of no size if the image is gone or damaged."""
    try:
        return png.read(_version(folder, key.version)).values > 0
    except (OSError, png.NotReadable):
        return np.zeros((0, 0), bool)


def _version(folder: MatteFolder, version: str) -> Path:
    """Where the label image with this content is kept, whatever keyframe shows it. Undo takes properties back, not
    files: as each content has its own file, the properties of any moment find theirs."""
    return folder.root / "keyframes" / "versions" / f"{version}.png"


def _file(clip: MovieClip, folder: MatteFolder, number: int, object_id: int, version: str) -> KeyframeFile:
    frame = clips.media_frame_of(clip, number)
    if not 0 <= frame < clip.frame_duration:
        raise KeyframeOutsideClip(
            f"the keyframe of object {object_id} on frame {clips.scene_frame(clip, frame)} is outside the clip, "
            f"which has {clip.frame_duration} frames",
            remedy="Clear this keyframe, or choose the clip again for which it was made.",
        )
    path, kept = folder.keyframe(object_id, number), _version(folder, version)
    if kept.exists() and not (path.exists() and path.read_bytes() == kept.read_bytes()):
        with atomic_write(path) as part:
            shutil.copyfile(kept, part)
    if not path.exists():
        raise KeyframeUnreadable(
            f"the image of the keyframe on frame {clips.scene_frame(clip, frame)} is gone: {path}",
            remedy="Make this keyframe again, or clear it.",
        )
    return KeyframeFile(frame=frame, labels=path, objects=(object_id,))


def _sort(clip: MovieClip) -> None:
    """Keep the list in the order of frames, then objects; only the last one can be out of order."""
    keys = clip.matting.keyframes
    order = [(key.number, key.object_id) for key in keys]
    keys.move(len(keys) - 1, sum(place < order[-1] for place in order[:-1]))
