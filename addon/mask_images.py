"""Reading of the user's mask images: which pixels belong to which object."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from bpy.types import MovieClip

from ..engine.shared.errors import ImageUnreadable, KeyframeNotLabels, KeyframeSizeMismatch
from . import clips, png
from .pixels import read_with_blender

_MIN_BRIGHT = 128  # grey images with values from here on are black and white masks, others are label images


def objects_in(path: Path, clip: MovieClip) -> dict[int, np.ndarray] | None:
    """Return the pixels (H, W) bool of each object number in a label image, or None if the image is not a label image.

    Raises ImageUnreadable, KeyframeSizeMismatch.
    """
    labels = _labels(path)
    if labels is None:
        return None
    _check_size(labels, clip)
    return {int(number): labels == number for number in np.unique(labels) if number}


def object_pixels(path: Path, clip: MovieClip, object_id: int) -> np.ndarray:
    """Return the pixels (H, W) bool of one object in an image.

    In a label image (palette, or grey with small values), these are the pixels with the object's number, or all
    labelled pixels if there is only one number. In any other image, they are the opaque pixels, or the bright pixels if
    the image has no transparency.
    Raises ImageUnreadable, KeyframeNotLabels, KeyframeSizeMismatch.
    """
    objects = objects_in(path, clip)
    if objects is None:
        pixels = _bright_pixels(path)
        _check_size(pixels, clip)
        return pixels
    if object_id in objects:
        return objects[object_id]
    if len(objects) == 1:
        return next(iter(objects.values()))
    if not objects:
        film = clips.video_clip(clip)
        return np.zeros((film.height, film.width), bool)
    raise KeyframeNotLabels(
        f"{path.name} has objects {', '.join(map(str, objects))}, but not object {object_id}",
        remedy="Select another object in the list, or choose All Objects in the file browser.",
    )


def _labels(path: Path) -> np.ndarray | None:
    """Return the object numbers of a label image, (H, W) uint8, or None if the image is not a label image."""
    if not path.is_file():
        raise ImageUnreadable(f"there is no file {path}")
    try:
        image = png.read(path)
    except png.PngError:
        return None
    if not image.palette and image.values.max(initial=0) >= _MIN_BRIGHT:
        return None
    return image.values


def _bright_pixels(path: Path) -> np.ndarray:
    values = read_with_blender(path)
    colour, alpha = values[..., :3], values[..., 3]
    if alpha.min() < 0.5:
        return alpha >= 0.5
    if np.ptp(colour, axis=-1).max() > 0.1:  # JPEG compression tints grey slightly
        raise KeyframeNotLabels(f"{path.name} is a colour image, so the object in it cannot be identified")
    return colour.mean(axis=-1) >= 0.5


def _check_size(image: np.ndarray, clip: MovieClip) -> None:
    film = clips.video_clip(clip)
    if image.shape != (film.height, film.width):
        raise KeyframeSizeMismatch(
            f"the image is {image.shape[1]}x{image.shape[0]}, but the clip is {film.width}x{film.height}",
            remedy="Save the image at the size of the clip.",
        )
