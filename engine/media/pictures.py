"""Image files: header, pages, and pixels as 8-bit RGB."""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image

from ..shared.errors import FramesUnreadable
from . import av_pictures, exr, tiff_tags
from .picture_files import PictureNotUsable, check_format, read_bytes, read_head
from .pillow_pictures import deep_tiff, has_rotation, open_image, page_numbers, rgb, stored_size

SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".jpe", ".tif", ".tiff", ".tx", ".tga", ".bmp", ".webp", ".exr", ".hdr"))
SUFFIXES |= {".jp2", ".j2c", ".sgi", ".rgb", ".rgba", ".ppm", ".pgm", ".dds", ".psd", ".pdd", ".dpx", ".avif"}
SUFFIXES |= {".cin", ".psb", ".jxl", ".heic", ".heif"}  # images too, though none of their formats can be read
DECODER_ERRORS = (  # what the decoders and our own parsers raise for damaged files, besides nothing at all
    OSError, ValueError, TypeError, AttributeError, ArithmeticError, LookupError, RuntimeError, SyntaxError, EOFError,
    MemoryError, struct.error, zlib.error, cv2.error, av.FFmpegError,
)  # fmt: skip


@dataclass(frozen=True)
class PictureHeader:
    """Header of an image file.

    size         (H, W) in pixels
    pages        pages of the first one's size, from 0
    page_count   number of pages of any size
    data_window  (H, W) of an EXR image's data window, which is its size in Blender; else the same as `size`
    layers       which layer of an EXR image is used, as the end of a sentence; empty if there is no choice
    """

    size: tuple[int, int]
    pages: tuple[int, ...]
    page_count: int
    data_window: tuple[int, int]
    layers: str


def is_picture(path: Path) -> bool:
    """Return whether a path has the suffix of an image and is neither hidden, as `._` files of macOS, nor a folder."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and not path.is_dir()


def read_picture(path: Path, *, window: exr.Window = "display") -> np.ndarray:
    """Read an image, or the first one of its file: (H, W, 3) uint8 RGB, without alpha.

    More bits are scaled to 8; EXR and HDR are converted from linear to sRGB. The content decides which decoder reads
    a file, not its suffix. EXIF rotation is ignored, as in Blender.

    Raises FramesUnreadable for a missing, damaged, truncated, unknown or too large file, and for what is no file.
    """
    try:
        return _read(path, window)
    except DECODER_ERRORS as error:
        raise _reading_error(path, error) from error


def picture_header(path: Path) -> PictureHeader | None:
    """Read the header of an image; None if it cannot be read."""
    try:
        head = read_head(path)
        if head.startswith(exr.MAGIC):
            header = exr.read_header(path)
            return PictureHeader(header.display, (0,), 1, header.data, header.note)
        if av_pictures.is_for_ffmpeg(head) and not _is_animated_png(head):
            size = av_pictures.size(head)
            return PictureHeader(size, (0,), 1, size, "")
        check_format(head)
        with open_image(path) as image:
            size = stored_size(image)
            return PictureHeader(size, *_pages(image), size, "")
    except DECODER_ERRORS:
        return None


def rotation_is_ignored(path: Path) -> bool:
    """Return whether an image carries an EXIF rotation that exchanges its width and height."""
    try:
        with open_image(path) as image:
            return has_rotation(image)
    except DECODER_ERRORS:
        return False


class PageReader:
    """Reads the pages of an image file of several, such as a TIFF stack or an animated WebP."""

    def __init__(self, path: Path, pages: tuple[int, ...]) -> None:
        """Open the file. Raises FramesUnreadable."""
        self._name = path.name
        self._pages = pages
        try:
            self._data = _upright(read_bytes(path))
            self._image = open_image(self._data)
        except DECODER_ERRORS as error:
            raise _reading_error(path, error) from error

    def read(self, frame: int) -> np.ndarray:
        """Read the page of a frame: (H, W, 3) uint8 RGB, without alpha. Raises FramesUnreadable."""
        try:
            self._image.seek(self._pages[frame])
            return rgb(self._image, self._data)
        except DECODER_ERRORS as error:
            raise FramesUnreadable(f"page {frame + 1} of image {self._name} cannot be read ({error})") from error

    def close(self) -> None:
        """Close the file."""
        self._image.close()


def _read(path: Path, window: exr.Window) -> np.ndarray:
    data = read_bytes(path)
    if data.startswith(exr.MAGIC):
        return av_pictures.to_srgb(exr.read_pixels(path, window))
    if av_pictures.is_for_ffmpeg(data[:128]):
        return av_pictures.read(data)
    check_format(data[:128])
    data = _upright(data)
    try:
        with open_image(data) as image:
            return rgb(image, data)
    except Image.UnidentifiedImageError:
        if data.startswith(tiff_tags.MARKS):
            return deep_tiff(data, 0)
        raise ValueError("unknown format") from None


def _upright(data: bytes) -> bytes:
    """Return the content of an image file that no decoder turns."""
    return tiff_tags.without_orientation(data) if data.startswith(tiff_tags.MARKS) else data


def _pages(image: Image.Image) -> tuple[tuple[int, ...], int]:
    """Return the pages of the first one's size and the number of all; only the first if the others are damaged."""
    try:
        return page_numbers(image)
    except DECODER_ERRORS:
        return (0,), 1


def _is_animated_png(head: bytes) -> bool:
    return b"acTL" in head[:4096]


def _reading_error(path: Path, error: BaseException) -> FramesUnreadable:
    """Return the error to raise when reading an image failed with `error`."""
    if isinstance(error, FileNotFoundError):
        return FramesUnreadable(f"image {path.name} is missing")
    if isinstance(error, PictureNotUsable):
        return FramesUnreadable(f"image {path.name} cannot be used: {error}")
    if isinstance(error, OSError) and error.errno and error.strerror:
        return FramesUnreadable(f"image {path.name} cannot be read ({os.strerror(error.errno)})")
    return FramesUnreadable(f"image {path.name} is damaged, truncated or of an unknown format ({error})")
