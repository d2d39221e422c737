"""OpenEXR images: the colours that Blender shows, whatever the layers, parts, windows and channels of the file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import OpenEXR

from .picture_files import PictureNotUsable, check_size

Window = Literal["display", "data"]

MAGIC = b"\x76\x2f\x31\x01"
_MAX_BYTES = 4 * 2**30  # of the pixels of all channels, as all are decoded
_DEEP_BIT = 0x08  # of the second byte of the version field
_COLOURS = ("R", "G", "B")
_LONG_NAMES = {"RED": "R", "GREEN": "G", "BLUE": "B", "ALPHA": "A"}
_YCA_WEIGHTS = (0.2126, 0.7152, 0.0722)  # of R, G and B in the luminance, for Rec. 709 primaries


@dataclass(frozen=True)
class ExrHeader:
    """Header of an EXR image. The data window holds the pixels; outside of it the display window is black.

    display  size (H, W) of the display window
    data     size (H, W) of the data window of the layer used, which is the picture that Blender shows
    layer    name of the layer used; empty if the file names none
    layers   names of all layers, in the order of the file
    """

    display: tuple[int, int]
    data: tuple[int, int]
    layer: str
    layers: tuple[str, ...]

    def size(self, window: Window) -> tuple[int, int]:
        """Return the size (H, W) of a window."""
        return self.display if window == "display" else self.data

    @property
    def note(self) -> str:
        """Return which layer is used, as the end of a sentence; empty if there is no choice."""
        if len(self.layers) < 2:
            return ""
        names = ", ".join(map(_spoken, self.layers))
        return f"{len(self.layers)} layers ({names}), of which {_spoken(self.layer)} is used"


@dataclass(frozen=True)
class _Layer:
    """A pass of a layer and view in a part of the file, with the full names of its channels by their short ones."""

    part: int
    group: str  # the layer that the pass belongs to
    name: str  # layer, pass and view, or the name of the part; empty if the file names none
    is_bare: bool  # its channels have names without layer and pass
    is_combined: bool
    channels: dict[str, str]

    @property
    def has_colour(self) -> bool:
        """Return whether the pass is the one that Blender shows if it comes first."""
        return set(_COLOURS) <= self.channels.keys()

    @property
    def has_some_colour(self) -> bool:
        """Return whether the pass has luminance or one of the colours; Y beside X is a coordinate."""
        return not self.channels.keys().isdisjoint(_COLOURS) or ("Y" in self.channels and "X" not in self.channels)


def read_header(path: Path) -> ExrHeader:
    """Read the header of an EXR image. Raises PictureNotUsable, and the errors of the OpenEXR library."""
    file = _open_header(path)
    layers = _layers(file)
    layer = _used_layer(layers)
    header = file.parts[layer.part].header
    display, data = (_extent(header[name])[2:] for name in ("displayWindow", "dataWindow"))
    return ExrHeader(display, data, layer.name, tuple(dict.fromkeys(layer.name for layer in layers)))


def read_pixels(path: Path, window: Window) -> np.ndarray:
    """Read an EXR image: (H, W, 3) float32 linear RGB, as large as the given window and without alpha.

    Raises PictureNotUsable, ValueError for damage, and the errors of the OpenEXR library.
    """
    header = _open_header(path)
    layer = _used_layer(_layers(header))
    file = OpenEXR.File(os.fsencode(path), separate_channels=True)
    if len(file.parts) != len(header.parts):  # the library leaves out the parts that it cannot decode
        raise ValueError("its pixels cannot be decoded")
    part = file.parts[layer.part]
    top, left, height, width = _extent(part.header["dataWindow"])
    planes = {}
    for short, full in layer.channels.items():
        channel = part.channels[full]
        plane = np.asarray(channel.pixels, np.float32)
        if plane.ndim != 2:
            raise ValueError("its pixels cannot be decoded")
        planes[short] = _upsampled(plane, channel.ySampling, channel.xSampling)[:height, :width]
    pixels = _colour(planes)
    if pixels.shape[:2] != (height, width):
        raise ValueError("its channels do not fill its data window")
    return pixels if window == "data" else _placed(pixels, top, left, _extent(part.header["displayWindow"]))


def _placed(pixels: np.ndarray, top: int, left: int, display: tuple[int, int, int, int]) -> np.ndarray:
    """Return the display window, black but for where it shares `pixels`, whose first one is at (top, left)."""
    display_top, display_left, height, width = display
    if (top, left, *pixels.shape[:2]) == display:
        return pixels
    picture = np.zeros((height, width, 3), np.float32)
    y, x = top - display_top, left - display_left
    rows, columns = slice(max(0, y), max(0, y + pixels.shape[0])), slice(max(0, x), max(0, x + pixels.shape[1]))
    inside = picture[rows, columns]
    inside[:] = pixels[max(0, -y) :, max(0, -x) :][: inside.shape[0], : inside.shape[1]]
    return picture


def _open_header(path: Path) -> OpenEXR.File:
    """Open a file without its pixels. Raises PictureNotUsable if these are deep or take too much memory."""
    with path.open("rb") as opened:
        head = opened.read(8)
    if len(head) == 8 and head[5] & _DEEP_BIT:
        raise PictureNotUsable("it holds deep samples, not pixels: flatten it")
    file = OpenEXR.File(os.fsencode(path), separate_channels=True, header_only=True, num_threads=0)
    total = 0
    for part in file.parts:
        check_size(*_extent(part.header["displayWindow"])[2:])
        _, _, height, width = _extent(part.header["dataWindow"])
        check_size(height, width)
        total += height * width * 4 * len(part.header["channels"])
    if total > _MAX_BYTES:
        raise PictureNotUsable(
            f"it has channels of {total / 2**30:.0f} GiB, more than the limit of {_MAX_BYTES / 2**30:.0f} GiB: "
            "render its layers into files of their own"
        )
    return file


def _extent(window: tuple[np.ndarray, np.ndarray]) -> tuple[int, int, int, int]:
    """Return a window as top, left, height, width; its corners are (x, y), and both are inside."""
    (left, top), (right, bottom) = (corner.tolist() for corner in window)
    return top, left, bottom - top + 1, right - left + 1


# -- layers ------------------------------------------------------------------------------------------------------------
def _layers(file: OpenEXR.File) -> list[_Layer]:
    """Return the passes of all layers and parts, in the order of the file.

    A channel is named LAYER.PASS.VIEW.CHANNEL; all but the last may be missing.
    """
    layers: dict[tuple[int, str], _Layer] = {}
    views = {str(view) for part in file.parts for view in part.header.get("multiView", ())}
    for index, part in enumerate(file.parts):
        for full in sorted(channel.name for channel in part.header["channels"]):
            prefix, _, short = full.rpartition(".")
            words = [word for word in prefix.split(".") if word and word not in views]
            name = prefix or str(part.header.get("name", ""))
            if (index, prefix) not in layers:
                combined = words[-1:] in ([], ["Combined"])
                layers[index, prefix] = _Layer(index, ".".join(words[:-1]), name, not prefix, combined, {})
            short = short.upper()
            layers[index, prefix].channels.setdefault(_LONG_NAMES.get(short, short), full)
    return list(layers.values())


def _used_layer(layers: list[_Layer]) -> _Layer:
    """Return the pass that Blender's clip editor shows: the first with colours, but in its layer rather Combined.

    Without any, it is the only pass, or the one without a name. Raises PictureNotUsable.
    """
    groups = list(dict.fromkeys(layer.group for layer in layers))
    coloured = [layer for layer in layers if layer.has_colour]
    if coloured:
        return min(coloured, key=lambda layer: (groups.index(layer.group), not layer.is_combined))
    for layer in layers:
        if layer.has_some_colour:
            return layer
    if len(layers) == 1 and (layers[0].is_bare or len(layers[0].channels) == 1):
        return layers[0]
    names = ", ".join(_spoken(layer.name) for layer in layers) or "none"
    raise PictureNotUsable(
        f"it has no layer with colours (its layers: {names}): render it with a Combined or RGB layer"
    )


def _spoken(layer: str) -> str:
    return layer or "the one without a name"


# -- colours -----------------------------------------------------------------------------------------------------------
def _colour(planes: dict[str, np.ndarray]) -> np.ndarray:
    """Return RGB (H, W, 3) float32 of the channels of one layer: RGB, XYZ as Blender shows it, luminance, or grey."""
    for names in (_COLOURS, ("X", "Y", "Z")):
        if set(names) <= planes.keys():
            return np.stack([planes[name] for name in names], axis=2)
    if {"Y", "RY", "BY"} <= planes.keys():
        return _from_chroma(planes["Y"], planes["RY"], planes["BY"])
    colours = [name for name in _COLOURS if name in planes]
    if len(colours) > 1:
        black = np.zeros_like(planes[colours[0]])
        return np.stack([planes.get(name, black) for name in _COLOURS], axis=2)
    name = next((name for name in (*colours, "Y", *sorted(planes.keys() - {"A"})) if name in planes), "A")
    return np.repeat(planes[name][:, :, None], 3, axis=2)


def _from_chroma(luminance: np.ndarray, red: np.ndarray, blue: np.ndarray) -> np.ndarray:
    """Return RGB of luminance and chroma, where RY = (R - Y) / Y and BY = (B - Y) / Y."""
    r, b = (red + 1) * luminance, (blue + 1) * luminance
    g = (luminance - r * _YCA_WEIGHTS[0] - b * _YCA_WEIGHTS[2]) / _YCA_WEIGHTS[1]
    return np.stack([r, g, b], axis=2)


def _upsampled(plane: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Repeat each pixel of a subsampled channel."""
    return plane if rows == columns == 1 else np.repeat(np.repeat(plane, rows, axis=0), columns, axis=1)
