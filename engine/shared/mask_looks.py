"""Statistics of mask images, by which it is decided what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .mask_images import MAX_TINT, VOID, StoredImage, as_grey, is_grey, pack, packed_colours

_MAX_DISTINCT = 4096  # grey values; more are rounded to 8 bits
_MANY_PIXELS = 1 << 20
_NO_FRACTIONS = 2  # a float mask of 0..1 may exceed 1 a little, from resampling
_TWO_TONED = 0.9  # share of nearly black and nearly white pixels of a mask that JPEG has tinted
_RIM = 0.15  # share of a value's pixels up to which their neighbours may have it too if it is a soft edge
_MAX_SHOWN = 32  # values of a picture that alpha does not cut out of anything


@dataclass(frozen=True)
class MaskLook:
    """What decides about an image: how often each value occurs, and whether in regions or only along edges."""

    name: str
    form: str  # grey, palette or colour
    white: float
    pixels: dict[float, int]  # of each value: grey value, palette index, or 0xRRGGBB
    inner: dict[float, int]  # those whose four neighbours have the same value
    palette: tuple[int, ...] = ()  # 0xRRGGBB of each entry
    lossy: bool = False
    rgb: bool = False  # whether the file has colour channels, even if all its pixels are grey
    transparent: bool = False  # whether some pixels are
    opaque: bool = True  # whether some pixels are
    shown: frozenset[float] = frozenset()  # the values of the opaque pixels, if there are transparent ones
    cut_out: bool = False  # whether the opaque part is one colour or a picture, so that only the alpha is a mask
    numbered: bool = False  # whether the transparent part is number 0 of a palette, so that the numbers say more

    @property
    def empty(self) -> bool:
        """Return whether all is background in every reading."""
        return set(self.pixels) <= {0} and (self.form != "palette" or self.palette[:1] == (0,))

    def as_colour(self) -> MaskLook:
        """Return the statistics of a grey image of 8 bits in terms of colours, 0xRRGGBB."""
        pixels: dict[float, int] = {int(value) * 0x010101: count for value, count in self.pixels.items()}
        inner: dict[float, int] = {int(value) * 0x010101: count for value, count in self.inner.items()}
        return replace(self, form="colour", pixels=pixels, inner=inner)

    def brightness(self, value: float) -> float:
        """Return the brightness of one of the values, in the units of `white`."""
        if self.form == "grey":
            return value
        colour = self.palette[int(value)] if self.form == "palette" else int(value)
        return sum(colour.to_bytes(3, "big")) / 3

    def shown_colours(self) -> set[int]:
        """Return the colours of the pixels that are not transparent, as 0xRRGGBB."""
        values = self.shown if self.transparent else self.pixels
        if self.form == "palette":
            return {self.palette[int(value)] for value in values}
        if self.form == "colour":
            return {int(value) for value in values}
        return {round(min(max(value / self.white, 0), 1) * 255) * 0x010101 for value in values}


def look(image: StoredImage) -> MaskLook:
    """Count the values of an image."""
    form, codes, white = _codes(image)
    fractions = codes.dtype.kind == "f"
    if form == "grey" and white == 1:
        white = _float_white(codes, fractions=fractions)
    values, counts, inner = _count(_levels(codes, white) if fractions else codes)
    if form == "grey" and len(values) > _MAX_DISTINCT:  # of 16 bits
        values, counts, inner = _count(_levels(codes, white))
        fractions = True
    if fractions:
        values = values * (white / 255)
    if len(values) > _MAX_DISTINCT:  # a photograph, of which more need not be known
        values = values[: _MAX_DISTINCT + 1]
    made = MaskLook(
        image.name,
        form,
        white,
        dict(zip(values.tolist(), counts.tolist())),
        dict(zip(values.tolist(), inner.tolist())),
        palette=() if image.palette is None else tuple(pack(image.palette).tolist()),
        lossy=image.lossy,
        rgb=image.values.ndim == 3,
    )
    opaque = None if image.alpha is None else image.alpha >= 0.5
    return made if opaque is None or opaque.all() else _with_alpha(made, codes, opaque)


def _with_alpha(mask: MaskLook, codes: NDArray[Any], opaque: NDArray[np.bool_]) -> MaskLook:
    """Add what the opaque part of an image says, if some of it is transparent."""
    shown, hidden = np.unique(codes[opaque]), np.unique(codes[~opaque])
    same_part = mask.form == "grey" and np.array_equal(codes >= mask.white / 2, opaque)
    return replace(
        mask,
        transparent=True,
        opaque=bool(opaque.any()),
        cut_out=len(shown) <= 1 or len(shown) > _MAX_SHOWN or same_part,
        shown=frozenset(shown.tolist()),
        numbered=mask.form == "palette" and hidden.tolist() == [0] and 0 not in shown,
    )


def _float_white(grey: NDArray[Any], *, fractions: bool) -> float:
    """Return the value of white of a float image: 1, unless its values are those of 8 or 16 bits, saved as float."""
    brightest = grey.max(initial=0)
    if brightest > 255:
        return 65535.0
    return 255.0 if fractions and brightest >= _NO_FRACTIONS else 1.0


def _levels(grey: NDArray[Any], white: float) -> NDArray[np.uint8]:
    """Return grey values on a scale of 8 bits."""
    return np.rint(np.clip(grey * (255 / white), 0, 255)).astype(np.uint8)


def _count(codes: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return the different codes, ascending, the pixels of each, and those whose four neighbours have the same code."""
    inside = _inside(codes)
    if codes.dtype.kind == "u" and (codes.dtype.itemsize <= 2 or codes.size > _MANY_PIXELS):  # faster than sorting
        counts, inner = np.bincount(codes.ravel()), np.bincount(codes[inside], minlength=int(codes.max(initial=0)) + 1)
        values = np.flatnonzero(counts)
        return values, counts[values], inner[values]
    values, inverse = np.unique(codes, return_inverse=True)
    inverse = inverse.reshape(codes.shape)
    counts, inner = np.bincount(inverse.ravel()), np.bincount(inverse[inside], minlength=len(values))
    return values, counts, inner


def _codes(image: StoredImage) -> tuple[str, NDArray[Any], float]:
    """Return the form of an image, its values (H, W), and the value of white."""
    if image.palette is not None:
        return "palette", image.values, 255.0
    if is_grey(image):
        grey = image.values if image.values.ndim == 2 else image.values[..., 0]
        return "grey", _whole(np.nan_to_num(grey)) if grey.dtype.kind == "f" else grey, image.white
    grey = as_grey(image)
    tint = float(np.ptp(np.nan_to_num(image.values.astype(np.float32)), axis=2).max())
    if tint <= MAX_TINT * image.white and (image.lossy or _is_two_toned(grey)):
        return "grey", _whole(np.rint(grey) if image.white > 1 else grey), image.white
    return "colour", packed_colours(replace(image, alpha=None)).astype(np.uint32), 255.0


def _whole(values: NDArray[Any]) -> NDArray[Any]:
    """Return float values as integers if they have no fractions."""
    whole = np.abs(values).max(initial=0) < 1 << 31 and not (values % 1).any()
    return values.astype(np.int64) if whole else values


def _is_two_toned(grey: NDArray[Any]) -> bool:
    """Return whether nearly all pixels are nearly as dark as the darkest or as bright as the brightest."""
    values, counts = np.unique(np.rint(grey * (255 / max(float(grey.max()), 1e-6))), return_counts=True)
    return extreme_share(dict(zip(values.tolist(), counts.tolist()))) > _TWO_TONED


def extreme_share(pixels: Mapping[float, int]) -> float:
    """Return the share of the pixels whose value is within a twentieth of the range from its darkest or brightest."""
    low, high = min(pixels), max(pixels)
    margin = (high - low) / 20
    extreme = sum(count for value, count in pixels.items() if value <= low + margin or value >= high - margin)
    return extreme / sum(pixels.values())


def _inside(codes: NDArray[Any]) -> NDArray[Any]:
    """Mark the pixels (H, W) bool whose four neighbours have the same code; the border of the image is no edge."""
    inside = np.ones(codes.shape, bool)
    across, down = codes[:, 1:] == codes[:, :-1], codes[1:] == codes[:-1]
    inside[:, 1:] &= across
    inside[:, :-1] &= across
    inside[1:] &= down
    inside[:-1] &= down
    return inside


@dataclass
class ValueCounts:
    """The values of several images of one form, taken together."""

    name: str  # of one of the images, to speak of
    white: float
    lossy: bool
    pixels: dict[float, int] = field(default_factory=dict)
    inner: dict[float, int] = field(default_factory=dict)
    void_beside_numbers: bool = False  # in one image

    @classmethod
    def of(cls, looks: Sequence[MaskLook]) -> ValueCounts:
        """Add up the values of several images."""
        fullest = max(looks, key=lambda mask: (len(mask.pixels), max(mask.pixels)))
        made = cls(fullest.name, max(mask.white for mask in looks), any(mask.lossy for mask in looks))
        for mask in looks:
            for value, count in mask.pixels.items():
                made.pixels[value] = made.pixels.get(value, 0) + count
                made.inner[value] = made.inner.get(value, 0) + mask.inner[value]
            made.void_beside_numbers |= VOID in mask.pixels and any(0 < value < VOID for value in mask.pixels)
        brightest = max(made.pixels)
        if (made.white > 255 and brightest <= 255) or (made.white == 1 and brightest >= _NO_FRACTIONS):
            made.white = 255.0  # values of 8 bits, saved with 16 bits or as float
        return made

    @property
    def ordered(self) -> list[float]:
        """Return the values, ascending."""
        return sorted(self.pixels)

    def at_edges(self, values: Iterable[float]) -> list[float]:
        """Return those of these values that occur almost only at edges, as the shades of soft edges do."""
        return [value for value in values if self.inner[value] <= _RIM * self.pixels[value]]

    def flatness(self, values: Iterable[float]) -> float:
        """Return the share of the pixels of these values that are not at an edge; 1 if there are none."""
        values = list(values)
        total = sum(self.pixels[value] for value in values)
        return sum(self.inner[value] for value in values) / total if total else 1.0

    def renamed(self, names: Mapping[int, int]) -> ValueCounts:
        """Return the same counts for other values; those of one name are added up."""
        made = replace(self, pixels={}, inner={}, void_beside_numbers=False)
        for value, name in names.items():
            made.pixels[name] = made.pixels.get(name, 0) + self.pixels[value]
            made.inner[name] = made.inner.get(name, 0) + self.inner[value]
        return made
