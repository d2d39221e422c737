"""Mask images: what kinds there are, and which pixels of an image belong to which object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import KeyframeNotLabels

VOID = 255  # beside other object numbers, as in PASCAL VOC and YouTube-VOS: unknown, not an object
MAX_COLOURS = 32
MAX_TINT = 0.1  # of white: what JPEG adds to grey
_VIDEO_BLACK, _VIDEO_WHITE = 16 / 255, 235 / 255  # as alphas

UNSURE = "Say what it holds with --masks numbers, binary, alpha or colours; in Blender, with Image Holds on the right."


class Masks(StrEnum):
    """What a mask image holds."""

    AUTO = "auto"  # whatever its values, colours and alpha say
    NUMBERS = "numbers"  # the value of a pixel, or the index of its palette entry, is the object's number
    BINARY = "binary"  # the object is what is brighter than mid-grey
    ALPHA = "alpha"  # the object is what is opaque
    COLOURS = "colours"  # each colour but black is an object


WORDS = {
    Masks.NUMBERS: "object numbers",
    Masks.BINARY: "black and white",
    Masks.ALPHA: "opaque and transparent",
    Masks.COLOURS: "colours",
}


@dataclass(frozen=True)
class Meaning:
    """How the values of mask images are read; the default is object numbers, exactly as stored."""

    masks: Masks = Masks.NUMBERS  # never AUTO
    void: bool = False  # whether the number 255 is unknown
    half: float = 0.5  # of black and white: the value from which on a pixel is inside
    colours: tuple[int, ...] = ()  # 0xRRGGBB of each object, from object 1


EXACT_NUMBERS = Meaning()
GREY_ALPHA = Meaning(Masks.BINARY, half=127.5)  # of images of 8 bits, as mattes are: 255 is wholly inside


@dataclass(frozen=True)
class StoredImage:
    """Values of an image file as stored, without scaling."""

    name: str
    values: NDArray[Any]  # (H, W) grey or palette indices, or (H, W, 3) RGB; integers or float
    white: float  # the value of white: 255 for 8 bits, 65535 for 16, 1 for float
    palette: NDArray[np.uint8] | None = None  # (256, 3) RGB, for values (H, W)
    alpha: NDArray[np.float32] | None = None  # (H, W), 0..1
    lossy: bool = False  # whether compression has changed the values, as in JPEG

    @property
    def size(self) -> tuple[int, int]:
        """Return (H, W)."""
        return self.values.shape[0], self.values.shape[1]


@dataclass(frozen=True)
class MaskImage:
    """Objects of a mask image."""

    labels: NDArray[np.uint8]  # (H, W) object numbers, 0 for background; a mask of one object has the number 1
    unknown: NDArray[np.bool_] | None = None  # (H, W), where the image does not say which object it is
    alpha: NDArray[np.float32] | None = None  # (H, W) 0..1, the soft mask, at least one half in `labels`


def read_mask(image: StoredImage, meaning: Meaning) -> MaskImage:
    """Return the objects of an image. Raises KeyframeNotLabels if it cannot hold what `meaning` says."""
    if meaning.masks == Masks.ALPHA:
        if image.alpha is None:
            raise KeyframeNotLabels(f"{image.name} has no alpha channel", remedy=UNSURE)
        return MaskImage((image.alpha >= 0.5).astype(np.uint8), alpha=_if_soft(image.alpha, image))
    if meaning.masks == Masks.BINARY:
        grey = as_grey(image)
        if image.alpha is not None:
            grey = np.where(image.alpha >= 0.5, grey, 0)
        alpha = np.clip(grey / (2 * meaning.half), 0, 1).astype(np.float32)
        return MaskImage((grey >= meaning.half).astype(np.uint8), alpha=_if_soft(alpha, image))
    if meaning.masks == Masks.COLOURS:
        packed = packed_colours(image)
        labels = np.zeros(image.size, np.uint8)
        for number, colour in enumerate(meaning.colours, start=1):
            labels[packed == colour] = number
        return MaskImage(labels)
    labels = _numbers(image)
    if meaning.void:
        unknown = labels == VOID
        return MaskImage(np.where(unknown, 0, labels).astype(np.uint8), unknown=unknown)
    return MaskImage(labels)


def coverage(image: StoredImage, meaning: Meaning) -> NDArray[np.float32]:
    """Return how much of each pixel the objects of an image cover, (H, W) 0..1. Raises KeyframeNotLabels.

    Unlike the alpha of `read_mask`, it keeps grey and half opaque values even if the image has no others.
    """
    mask = read_mask(image, meaning)
    if meaning.masks == Masks.ALPHA and image.alpha is not None:
        return image.alpha
    if meaning.masks == Masks.BINARY:
        covered = np.clip(as_grey(image) / (2 * meaning.half), 0, 1).astype(np.float32)
        return covered if image.alpha is None else covered * image.alpha
    return (mask.labels > 0).astype(np.float32)


def summary(
    meaning: Meaning, ids: Sequence[int], share: float, *, soft: bool, names: Mapping[int, str] | None = None
) -> str:
    """Say in words what was taken from mask images: object ids, their names, and the share of the frame 0..1."""
    named = {number: f"#{colour:06x}" for number, colour in enumerate(meaning.colours, start=1)} | dict(names or {})
    objects = [f"{id_} = {named[id_]}" if named.get(id_, str(id_)) not in ("", str(id_)) else str(id_) for id_ in ids]
    listed = f" ({', '.join(objects)})" if objects not in ([], ["1"]) else ""
    percent = 100 * share
    shown = f"{percent:.0f}" if percent >= 1 else f"{percent:.1g}"
    text = f"{WORDS[meaning.masks]}: {counted(len(objects), 'object')}{listed}, {shown} % of the frame"
    text += "; soft edges are kept" if soft else ""
    return text + ("; 255 is unknown, not an object" if meaning.void else "")


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, such as "1 object" and "2 objects"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def packed_colours(image: StoredImage) -> NDArray[np.int64]:
    """Return the colour of each pixel as 0xRRGGBB, (H, W); transparent pixels are black."""
    if image.palette is not None:
        packed = pack(image.palette)[image.values]
    else:
        values = image.values
        if image.white != 255:
            values = np.rint(np.clip(np.nan_to_num(values.astype(np.float64)) / image.white, 0, 1) * 255)
        packed = pack(values.astype(np.int64)) if values.ndim == 3 else values.astype(np.int64) * 0x010101
    return packed if image.alpha is None else np.where(image.alpha >= 0.5, packed, 0)


def pack(rgb: NDArray[Any]) -> NDArray[np.int64]:
    """Return colours (..., 3) of 0..255 as 0xRRGGBB, (...)."""
    red, green, blue = (rgb[..., channel].astype(np.int64) for channel in range(3))
    return (red << 16) | (green << 8) | blue


def as_grey(image: StoredImage) -> NDArray[np.float32]:
    """Return the brightness of each pixel, (H, W), in the units of `image.white`; of a palette, in 0..255."""
    if image.palette is not None:
        values: NDArray[np.float32] = image.palette.astype(np.float32)[image.values]
    else:
        values = np.nan_to_num(image.values.astype(np.float32))
    return values if values.ndim == 2 else values.mean(axis=2, dtype=np.float32)


def padded(palette: NDArray[Any]) -> NDArray[np.uint8]:
    """Return a palette (N, 3) of at most 256 colours with black after its last one, (256, 3)."""
    full = np.zeros((256, 3), np.uint8)
    full[: len(palette)] = palette
    return full


def is_lossy(beginning: bytes) -> bool:
    """Return whether the first 64 bytes of an image file are those of a JPEG, or of a WebP that is not lossless."""
    return beginning.startswith(b"\xff\xd8") or (beginning[8:12] == b"WEBP" and b"VP8L" not in beginning[:64])


def is_grey(image: StoredImage) -> bool:
    """Return whether an image without a palette has no colours."""
    return image.palette is None and (image.values.ndim == 2 or bool((image.values[..., :1] == image.values).all()))


def _if_soft(alpha: NDArray[np.float32], image: StoredImage) -> NDArray[np.float32] | None:
    """Return an alpha, with black and white for what lossy compression and video levels make of them.

    Returns None if it has no soft pixels.
    """
    lowest, highest = alpha.min(initial=1), alpha.max(initial=0)
    if not ((alpha > lowest) & (alpha < highest)).any():
        return None
    black, white = (MAX_TINT, 1 - MAX_TINT) if image.lossy else (0.0, 1.0)
    if max(abs(lowest - _VIDEO_BLACK), abs(highest - _VIDEO_WHITE)) < 1 / 255:
        black, white = max(black, float(lowest)), min(white, float(highest))
    stretched = np.interp(alpha, (black, 0.5, white), (0, 0.5, 1)).astype(np.float32)
    return stretched if ((stretched > 0) & (stretched < 1)).any() else None


def _numbers(image: StoredImage) -> NDArray[np.uint8]:
    """Return the values as object numbers: indices of a palette, grey values, or indices of the DAVIS colours."""
    if image.palette is not None:
        return image.values.astype(np.uint8)
    if not is_grey(image):
        packed = packed_colours(image)
        colours, inverse = np.unique(packed, return_inverse=True)
        numbers = [DAVIS_NUMBERS.get(int(colour)) for colour in colours[:257]]
        known = [number for number in numbers if number is not None]
        if len(known) < len(colours):
            raise KeyframeNotLabels(f"{image.name} is a colour image, not object numbers")
        return np.array(known, np.uint8)[inverse].reshape(packed.shape)
    values = image.values if image.values.ndim == 2 else image.values[..., 0]
    if values.size and not (values.min() >= 0 and values.max() <= 255):
        raise KeyframeNotLabels(f"{image.name} has values up to {values.max():g}; object numbers end at 255")
    labels = values.astype(np.uint8)
    if (labels != values).any():
        raise KeyframeNotLabels(f"{image.name} has fractions, not object numbers")
    return labels


def _davis_palette() -> NDArray[np.uint8]:
    """Build the DAVIS palette (256, 3) uint8, in which the bits of an id set the highest bits of R, G, B in turn."""
    ids = np.arange(256)
    colours = np.zeros((256, 3), np.int64)
    for step in range(8):
        for channel in range(3):
            colours[:, channel] |= ((ids >> (3 * step + channel)) & 1) << (7 - step)
    return colours.astype(np.uint8)


PALETTE = _davis_palette()
DAVIS_NUMBERS = {int(colour): number for number, colour in enumerate(pack(PALETTE))}
