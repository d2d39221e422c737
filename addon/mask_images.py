"""A mask image of the user's -> which pixels belong to which object."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from bpy.types import MovieClip

from ..engine.shared.errors import ImageUnreadable, KeyframeNotLabels, KeyframeSizeMismatch
from . import clips, png
from .pixels import read_with_blender

_BRIGHT = 128  # a grey image in which a pixel is at least this bright is black and white, else it holds numbers


def objects_in(path: Path, clip: MovieClip) -> dict[int, np.ndarray] | None:
    """Object number -> pixels (H, W) bool of a label image; None if the image is no label image."""
    labels = _labels(path)
    if labels is None:
        return None
    _check_size(labels, clip)
    return {int(number): labels == number for number in np.unique(labels) if number}


def object_pixels(path: Path, clip: MovieClip, object_id: int) -> np.ndarray:
    """Pixels (H, W) bool of one object in an image.

    In a label image (palette, or grey with small values) those of the object's number, or, if it holds only one
    object, of that one. In any other image the opaque ones if it has transparency, else the bright ones.
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
        f"{path.name} holds the objects {', '.join(map(str, objects))}, but not object {object_id}",
        remedy="Choose another object in the list, or import all objects at once.",
    )


def _labels(path: Path) -> np.ndarray | None:
    """The numbers in a label image, (H, W) uint8; None if its pixels are not numbers of objects."""
    if not path.is_file():
        raise ImageUnreadable(f"there is no file {path}")
    try:
        picture = png.read(path)
    except png.NotReadable:
        return None
    if not picture.palette and picture.values.max(initial=0) >= _BRIGHT:
        return None
    return picture.values


def _bright_pixels(path: Path) -> np.ndarray:
    values = read_with_blender(path)
    colour, alpha = values[..., :3], values[..., 3]
    if alpha.min() < 0.5:
        return alpha >= 0.5
    if np.ptp(colour, axis=-1).max() > 0.1:  # JPEG tints grey a little
        raise KeyframeNotLabels(f"{path.name} has colours: which of them is the object cannot be told")
    return colour.mean(axis=-1) >= 0.5


def _check_size(image: np.ndarray, clip: MovieClip) -> None:
    film = clips.video_clip(clip)
    if image.shape != (film.height, film.width):
        raise KeyframeSizeMismatch(
            f"the image is {image.shape[1]}x{image.shape[0]}, the clip is {film.width}x{film.height}",
            remedy="Save the image at the size of the clip.",
        )
