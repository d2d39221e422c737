"""Reading and writing of label images, mattes and keyframe folders."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from ..shared.errors import (
    KeyframeNotLabels,
    KeyframeOutsideClip,
    KeyframeSizeMismatch,
    KeyframeUnreadable,
    MatteUnreadable,
    NoKeyframes,
)
from ..shared.files import atomic_write
from ..shared.matte_folder import number_in
from ..shared.types import KeyframeFile
from .frames import natural_key
from .pictures import DECODER_ERRORS, is_picture

_PNG = b"\x89PNG\r\n\x1a\n"
_MAX_LABELS = 32  # with more values the image is a soft matte, unless its palette is the one of label images


def read_labels(path: Path, *, size: tuple[int, int] | None = None) -> np.ndarray:
    """Read a palette or grey image as labels (H, W) uint8: the stored value of a pixel is the object id.

    Values are not scaled: a mask of 0 and 255 is object 255, a mask of 1 bit is object 1. A colour image is accepted if
    all its pixels are grey. `size` is the expected size (H, W).

    Raises KeyframeUnreadable, KeyframeSizeMismatch, and KeyframeNotLabels for colours, for ids above 255 and for more
    than 32 grey values, which are soft edges.
    """
    try:
        stored, palette = _read_stored(path)
    except DECODER_ERRORS as error:
        raise KeyframeUnreadable(f"label image {path} cannot be read ({error})") from error
    if stored.ndim == 3:
        if (stored[:, :, :1] != stored).any():
            raise KeyframeNotLabels(f"{path} is a colour image, not object numbers")
        stored = stored[:, :, 0]
    if size is not None and stored.shape != tuple(size):
        raise KeyframeSizeMismatch(
            f"label image {path.name} is {stored.shape[1]}x{stored.shape[0]}, but the clip is {size[1]}x{size[0]}"
        )
    if stored.min() < 0 or stored.max() > 255:
        raise KeyframeNotLabels(f"{path} has values up to {stored.max():g}; object numbers end at 255")
    labels = stored.astype(np.uint8)
    ids = np.flatnonzero(np.bincount(labels.ravel(), minlength=256))
    if len(ids) > _MAX_LABELS and not np.array_equal(palette[ids], PALETTE[ids]):
        raise KeyframeNotLabels(
            f"{path} has {len(ids)} values, from soft edges or a photograph: these are not object numbers"
        )
    return labels


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
        stored, _ = _read_stored(path)
    except DECODER_ERRORS as error:
        raise MatteUnreadable(f"matte {path} cannot be read ({error})") from error
    if stored.ndim == 3:
        stored = stored[:, :, 0]
    white = {np.dtype(bool): 1, np.dtype(np.uint8): 255}.get(stored.dtype, 65535)
    return stored.astype(np.float32) / np.float32(white)


def encode_matte(alpha: np.ndarray) -> bytes:
    """Encode alpha (H, W) float, 0..1, as 8-bit grey PNG."""
    image = Image.fromarray(np.rint(np.clip(alpha, 0, 1) * np.float32(255)).astype(np.uint8))
    file = io.BytesIO()
    image.save(file, format="PNG", compress_level=4)
    return file.getvalue()


def write_matte(path: Path, alpha: np.ndarray) -> None:
    """Write alpha (H, W) float, 0..1, as 8-bit grey PNG, atomically. Raises DiskFull, FolderNotWritable."""
    with atomic_write(path) as part:
        part.write_bytes(encode_matte(alpha))


def read_keyframes(
    folder: Path,
    numbers: tuple[int, ...],
    size: tuple[int, int],
    *,
    unlabelled: Literal["unknown", "absent"] = "unknown",
) -> tuple[KeyframeFile, ...]:
    """Read keyframes from a folder of label images or a single one; the number in a file name gives the frame.

    `numbers` are the file numbers of the media frames, `size` the clip's (H, W). With `unlabelled="unknown"` an image
    annotates only the objects that it shows; with "absent" it also annotates all other objects of the folder as absent.
    Raises NoKeyframes, KeyframeOutsideClip, and the errors of `read_labels`.
    """
    frame_of = {number: frame for frame, number in enumerate(numbers)}
    found = []
    for path in label_files(folder):
        number = number_in(path.stem)
        if number not in frame_of:
            reason = "has no frame number in its name" if number is None else f"is for frame {number}"
            raise KeyframeOutsideClip(
                f"keyframe {path.name} {reason}; the clip has frames {numbers[0]} to {numbers[-1]}"
            )
        labels = read_labels(path, size=size)
        objects = np.flatnonzero(np.bincount(labels.ravel(), minlength=256)[1:]) + 1
        found.append(KeyframeFile(frame_of[number], path, tuple(int(id_) for id_ in objects)))
    if not any(keyframe.objects for keyframe in found):
        raise NoKeyframes(f"the label images in {folder} show no objects")
    if unlabelled == "absent":
        found = _with_absent_objects(found)
    return tuple(sorted((keyframe for keyframe in found if keyframe.objects), key=lambda keyframe: keyframe.frame))


def label_files(folder: Path) -> list[Path]:
    """List the images in a folder in natural order, or the file itself if `folder` is a file. Raises NoKeyframes."""
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise NoKeyframes(f"there is no folder {folder}", remedy="Choose a folder of label images.")
    files = sorted((path for path in folder.iterdir() if is_picture(path)), key=natural_key)
    if not files:
        raise NoKeyframes(f"folder {folder} contains no label images")
    return files


def _with_absent_objects(keyframes: list[KeyframeFile]) -> list[KeyframeFile]:
    """Add to each frame's first image, as absent, the objects that none of the frame's images shows."""
    all_objects = {id_ for keyframe in keyframes for id_ in keyframe.objects}
    completed = []
    frames_done: set[int] = set()
    for keyframe in keyframes:
        objects = set(keyframe.objects)
        if keyframe.frame not in frames_done:
            visible = {id_ for other in keyframes if other.frame == keyframe.frame for id_ in other.objects}
            objects |= all_objects - visible
        frames_done.add(keyframe.frame)
        completed.append(KeyframeFile(keyframe.frame, keyframe.labels, tuple(sorted(objects))))
    return completed


def _read_stored(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read the stored values (H, W), or (H, W, 3) of a colour image, without alpha; and the palette (256, 3).

    The palette is all 0 if the image has none.
    """
    with Image.open(path) as image:
        palette = np.zeros((256, 3), np.uint8)
        if image.mode in ("LA", "La", "PA"):
            return np.asarray(image.getchannel(0)), palette
        if image.mode not in ("1", "L", "P", "I", "F") and not image.mode.startswith("I;16"):
            return np.asarray(image.convert("RGB")), palette
        if image.mode == "P":
            colours = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
            palette[: len(colours)] = colours
        scale = _grey_scale(path) if image.mode == "L" else 1
        return np.asarray(image) // scale if scale > 1 else np.asarray(image), palette


def _grey_scale(path: Path) -> int:
    """Return the factor by which Pillow multiplies the values of a 2-bit or 4-bit grey PNG; 1 for other images."""
    with path.open("rb") as file:
        header = file.read(26)
    return {2: 85, 4: 17}.get(header[24], 1) if header.startswith(_PNG) and len(header) > 24 else 1


def _davis_palette() -> np.ndarray:
    """Build the DAVIS palette (256, 3) uint8, in which the bits of an id set the highest bits of R, G, B in turn."""
    ids = np.arange(256)
    colours = np.zeros((256, 3), np.int64)
    for step in range(8):
        for channel in range(3):
            colours[:, channel] |= ((ids >> (3 * step + channel)) & 1) << (7 - step)
    return colours.astype(np.uint8)


PALETTE = _davis_palette()
