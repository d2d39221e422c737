"""Reading of the user's mask images: which pixels belong to which object."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bpy.types import MovieClip

from ..engine.shared.alphas import hard_alpha, soft_alpha
from ..engine.shared.errors import ImageUnreadable, KeyframeNotLabels, KeyframeSizeMismatch
from ..engine.shared.mask_images import (
    WORDS,
    MaskImage,
    Masks,
    Meaning,
    StoredImage,
    is_lossy,
    padded,
    read_mask,
    summary,
)
from ..engine.shared.mask_looks import look
from ..engine.shared.mask_meaning import meanings_of
from . import clips, mask_colours, png
from .pixels import read_with_blender

_DEPTHS = (  # white, type, and by what part of a step the values from Blender may differ; one of 16 bits is 1/257
    (255, np.uint8, 1 / 1000),
    (65535, np.uint16, 1 / 16),
)


@dataclass(frozen=True)
class ImageObjects:
    """Objects of a mask image."""

    alphas: dict[int, np.ndarray]  # (H, W) uint8 by object number; a mask of one object has the number 1
    meaning: Meaning
    summary_text: str  # what was taken, for the user


def read_objects(path: Path, clip: MovieClip, masks: Masks) -> ImageObjects:
    """Return the objects of an image; `masks` says what it holds.

    Raises ImageUnreadable, KeyframeSizeMismatch, and KeyframeNotLabels if it cannot be told what the image holds.
    """
    image = read_for(clip, path)
    (meaning,) = meanings_of([look(image)], masks)
    mask = read_mask(image, meaning)
    ids = [int(number) for number in np.unique(mask.labels) if number]
    share = np.count_nonzero(mask.labels) / mask.labels.size
    summary_text = summary(meaning, ids, share, soft=mask.alpha is not None)
    return ImageObjects({number: alpha_of(mask, number) for number in ids}, meaning, summary_text)


def alpha_of(mask: MaskImage, number: int) -> np.ndarray:
    """Return the alpha (H, W) uint8 of one of an image's objects, soft where the image is."""
    if mask.alpha is None:
        return hard_alpha(mask.labels == number)
    return soft_alpha(mask.alpha, mask.alpha >= 0.5)  # a soft mask shows one object


def object_alpha(path: Path, clip: MovieClip, object_id: int, masks: Masks) -> tuple[np.ndarray, str]:
    """Return the alpha (H, W) uint8 of one object in an image, and what was taken from the image.

    This is the alpha of the object's number or colour or, if the image shows only one object, all of that one. Which
    colours are the object's is remembered on the clip. Raises the errors of `read_objects`, and KeyframeNotLabels if
    the image shows only other objects.
    """
    image = read_objects(path, clip, masks)
    known = mask_colours.remembered(clip, image.meaning.colours)
    ids = {number: known.get(colour) for number, colour in enumerate(image.meaning.colours, start=1)}
    if object_id in ids.values():
        alphas = [alpha for number, alpha in image.alphas.items() if ids[number] == object_id]
    elif object_id in image.alphas and not known:
        alphas = [image.alphas[object_id]]
    else:  # the only one that is not known to be something else
        left = [alpha for number, alpha in image.alphas.items() if ids.get(number) is None]
        alphas = left if len(left) == 1 else []
    if alphas:
        return np.maximum.reduce(alphas), image.summary_text
    if not image.alphas:
        film = clips.video_clip(clip)
        return np.zeros((film.height, film.width), np.uint8), image.summary_text
    told, numbers = mask_colours.told(clip, image.meaning.colours), ", ".join(map(str, image.alphas))
    raise KeyframeNotLabels(
        f"{path.name} does not show this object, as {told}"
        if told
        else f"{path.name} has objects {numbers}, but not object {object_id}",
        remedy="Select another object in the list, or choose All Objects in the file browser.",
    )


def all_objects(path: Path, clip: MovieClip, masks: Masks) -> ImageObjects:
    """Return the objects of an image that shows which is which.

    Raises the errors of `read_objects`, and KeyframeNotLabels if the image cannot hold several objects or shows none.
    """
    image = read_objects(path, clip, masks)
    if image.alphas and image.meaning.masks in (Masks.BINARY, Masks.ALPHA):
        raise KeyframeNotLabels(
            f"{path.name} holds {WORDS[image.meaning.masks]}, so it shows one object without a number",
            remedy="Select the object in the list, and leave out All Objects.",
        )
    if not image.alphas:
        raise KeyframeNotLabels(f"{path.name} shows no objects")
    return image


def read_for(clip: MovieClip, path: Path) -> StoredImage:
    """Read an image as stored. Raises ImageUnreadable, and KeyframeSizeMismatch if it is not of the clip's size."""
    image = _read_stored(path)
    film = clips.video_clip(clip)
    height, width = image.size
    if (height, width) != (film.height, film.width):
        raise KeyframeSizeMismatch(
            f"{path.name} is {width}x{height}, but the clip is {film.width}x{film.height}",
            remedy="Save the image at the size of the clip.",
        )
    return image


def _read_stored(path: Path) -> StoredImage:
    if not path.is_file():
        raise ImageUnreadable(f"there is no file {path}")
    try:
        image = png.read(path)
    except png.PngError:
        return _read_by_blender(path)
    alpha = None if image.alpha is None else image.alpha.astype(np.float32) / np.float32(255)
    palette = None if image.palette is None else padded(image.palette)
    return StoredImage(path.name, image.values, image.white, palette, alpha)


def _read_by_blender(path: Path) -> StoredImage:
    values = read_with_blender(path)
    colour, alpha = values[..., :3], values[..., 3]
    with path.open("rb") as file:
        lossy = is_lossy(file.read(64))
    shown_alpha = alpha.copy() if alpha.min() < 1 else None
    if colour.min() >= 0 and colour.max() <= 1:
        for white, kind, error in _DEPTHS:
            stored = np.rint(colour * np.float32(white))
            if np.abs(colour * np.float32(white) - stored).max() <= error:
                return StoredImage(path.name, stored.astype(kind), white, None, shown_alpha, lossy)
    return StoredImage(path.name, colour, 1, None, shown_alpha, lossy)
