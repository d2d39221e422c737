"""Reading and writing of label images, masks and mattes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from ..shared.errors import (
    KeyframeNotLabels,
    KeyframeSizeMismatch,
    KeyframeUnreadable,
    MatteUnreadable,
    NoKeyframes,
)
from ..shared.files import atomic_write, is_system_file
from ..shared.grey_png import encode_grey
from ..shared.mask_images import (
    EXACT_NUMBERS,
    PALETTE,
    MaskImage,
    Masks,
    Meaning,
    StoredImage,
    coverage,
    is_grey,
    read_mask,
)
from ..shared.mask_looks import look
from ..shared.mask_meaning import meanings_of
from ..shared.names import in_natural_order
from ..shared.types import KeyframeFile
from .movies import SUFFIXES
from .pictures import DECODER_ERRORS, is_picture
from .stored_images import read_stored

_MOVIE_SUFFIXES = SUFFIXES - {".gif"}  # which is an image too
_MAX_LABELS = 32  # with more values the image is a soft matte, unless its palette is the one of label images


def read_labels(path: Path, *, size: tuple[int, int] | None = None) -> np.ndarray:
    """Read a palette or grey image as labels (H, W) uint8: the stored value of a pixel is the object id.

    Values are not scaled: a mask of 0 and 255 is object 255, a mask of 1 bit is object 1. A colour image is accepted if
    all its pixels are grey, or all have colours of the DAVIS palette. `size` is the expected size (H, W).

    Raises KeyframeUnreadable, KeyframeSizeMismatch, and KeyframeNotLabels for colours, for ids above 255 and for more
    than 32 grey values, which are soft edges.
    """
    image = _read_image(path, size)
    labels = read_mask(image, EXACT_NUMBERS).labels
    ids = np.flatnonzero(np.bincount(labels.ravel(), minlength=256))
    known_colours = image.palette is not None and np.array_equal(image.palette[ids], PALETTE[ids])
    if len(ids) > _MAX_LABELS and not known_colours and (image.palette is not None or is_grey(image)):
        raise KeyframeNotLabels(
            f"{path} has {len(ids)} values, from soft edges or a photograph: these are not object numbers"
        )
    return labels


def read_keyframe(keyframe: KeyframeFile, *, size: tuple[int, int]) -> MaskImage:
    """Read a keyframe as labels (H, W) and, if it is soft, the alpha of its one object.

    Raises KeyframeUnreadable, KeyframeSizeMismatch, KeyframeNotLabels.
    """
    mask = read_mask(_read_image(keyframe.labels, size), keyframe.meaning)
    if keyframe.object_id is None:
        return mask
    return replace(mask, labels=np.where(mask.labels > 0, keyframe.object_id, 0).astype(np.uint8))


def read_coverage(path: Path, meaning: Meaning, *, size: tuple[int, int]) -> np.ndarray:
    """Read how much of each pixel a mask of one object covers, (H, W) 0..1. Raises what `read_keyframe` does."""
    return coverage(_read_image(path, size), meaning)


def mask_meanings(files: Sequence[Path], masks: Masks, *, size: tuple[int, int] | None = None) -> list[Meaning]:
    """Decide how each of these mask images is read.

    Raises KeyframeUnreadable, KeyframeSizeMismatch, and KeyframeNotLabels if it cannot be told.
    """
    if masks in (Masks.NUMBERS, Masks.ALPHA):
        return [Meaning(masks)] * len(files)
    return meanings_of([look(_read_image(path, size)) for path in files], masks)


def read_objects(path: Path, meaning: Meaning) -> MaskImage:
    """Read a mask image. Raises KeyframeUnreadable, KeyframeNotLabels."""
    return read_mask(_read_image(path, None), meaning)


def encode_labels(labels: np.ndarray) -> bytes:
    """Encode labels (H, W) uint8 as palette PNG."""
    image = Image.fromarray(np.ascontiguousarray(labels, np.uint8))
    image.putpalette(PALETTE.tobytes())
    file = io.BytesIO()
    image.save(file, format="PNG")
    return file.getvalue()


def write_labels(path: Path, labels: np.ndarray) -> None:
    """Write labels (H, W) uint8 as palette PNG, atomically. Raises DiskFull, FolderNotWritable."""
    with atomic_write(path) as part:
        part.write_bytes(encode_labels(labels))


def read_matte(path: Path) -> np.ndarray:
    """Read alpha (H, W) float32, 0..1, from an 8-bit or 16-bit grey image. Raises MatteUnreadable."""
    try:
        image = read_stored(path)
    except DECODER_ERRORS as error:
        raise MatteUnreadable(f"matte {path} cannot be read ({error})") from error
    grey = image.values if image.values.ndim == 2 else image.values[:, :, 0]
    return grey.astype(np.float32) / np.float32(image.white)


def encode_matte(alpha: np.ndarray) -> bytes:
    """Encode alpha (H, W) float, 0..1, as 8-bit grey PNG."""
    return encode_grey(np.rint(np.clip(alpha, 0, 1) * np.float32(255)).astype(np.uint8))


def encode_deep_matte(alpha: np.ndarray) -> bytes:
    """Encode alpha (H, W) float, 0..1, as 16-bit grey PNG."""
    return encode_grey(np.rint(np.clip(alpha, 0, 1) * np.float32(65535)).astype(np.uint16))


def label_files(folder: Path) -> list[Path]:
    """List the images in a folder in natural order, or the file itself if `folder` is a file. Raises NoKeyframes."""
    if folder.is_file():
        if folder.suffix.lower() in _MOVIE_SUFFIXES:
            raise NoKeyframes(
                f"{folder.name} is a movie; keyframes are images",
                remedy="Save its frames as images, named by their numbers, and choose the folder.",
            )
        return [folder]
    if not folder.is_dir():
        raise NoKeyframes(f"there is no folder {folder}", remedy="Choose a folder of label images.")
    files = in_natural_order(path for path in folder.iterdir() if is_picture(path))
    if not files:
        others = in_natural_order(path for path in folder.iterdir() if path.is_file() and not is_system_file(path.name))
        if others:
            raise NoKeyframes(
                f"folder {folder} contains no label images of a kind that is read as such; it has {others[0].name}",
                remedy="Save the label images as PNG, TIFF or EXR.",
            )
        raise NoKeyframes(f"folder {folder} contains no label images")
    return files


def _read_image(path: Path, size: tuple[int, int] | None) -> StoredImage:
    """Read an image of the size (H, W), if given. Raises KeyframeUnreadable, KeyframeSizeMismatch."""
    try:
        image = read_stored(path)
    except DECODER_ERRORS as error:
        raise KeyframeUnreadable(f"label image {path} cannot be read ({error})") from error
    if size is not None and image.size != tuple(size):
        height, width = image.size
        raise KeyframeSizeMismatch(f"label image {path.name} is {width}x{height}, but the clip is {size[1]}x{size[0]}")
    return image
