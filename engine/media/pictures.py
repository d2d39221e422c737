"""Image files: size from the header, pixels as 8-bit RGB."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ..shared.errors import FramesUnreadable

SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".jpe", ".tif", ".tiff", ".tga", ".bmp", ".webp", ".exr", ".hdr"))
SUFFIXES |= {".jp2", ".j2c", ".sgi", ".rgb", ".ppm", ".pgm", ".dds", ".psd", ".dpx"}
DECODER_ERRORS = (  # what Pillow, OpenCV and our own parsers raise for damaged files, besides nothing at all
    OSError, ValueError, TypeError, AttributeError, ArithmeticError, LookupError, RuntimeError, SyntaxError, EOFError,
    MemoryError, struct.error, zlib.error, cv2.error, Image.DecompressionBombError,
)  # fmt: skip
_PNG = b"\x89PNG\r\n\x1a\n"

# Required by OpenCV for EXR; an existing setting is respected.
os.environ.setdefault("OPENCV_IO_ENABLE_OPENEXR", "1")


def is_picture(path: Path) -> bool:
    """Return whether a file has the suffix of an image and is not hidden; macOS writes hidden `._` files."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def read_picture(path: Path) -> np.ndarray:
    """Read an image: (H, W, 3) uint8 RGB, without alpha; 16 bits scaled to 8, float converted from linear to sRGB.

    EXIF rotation is ignored. Raises FramesUnreadable for a missing, damaged, truncated or unknown file.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        reason = "is missing" if missing else f"cannot be read ({error.strerror})"
        raise FramesUnreadable(f"image {path.name} {reason}") from error
    try:
        pixels = None if path.suffix.lower() in _HEADER_PARSERS else _by_pillow(data)
        if path.suffix.lower() == ".dpx":
            return _dpx(path, data)
        return _by_opencv(data) if pixels is None else pixels
    except DECODER_ERRORS as error:
        raise FramesUnreadable(f"image {path.name} is damaged, truncated or of an unknown format ({error})") from error


def picture_size(path: Path) -> tuple[int, int] | None:
    """Read the size (H, W) in pixels from the header; None if unknown."""
    try:
        parse_size = _HEADER_PARSERS.get(path.suffix.lower())
        if parse_size is not None:
            with path.open("rb") as file:
                return parse_size(file.read(65536))
        with Image.open(path) as image:
            return image.height, image.width
    except DECODER_ERRORS:
        return None


def _by_pillow(data: bytes) -> np.ndarray | None:
    """Read an 8-bit image with Pillow; None if Pillow does not know the format or would reduce its bit depth."""
    if data.startswith(_PNG) and data[24:25] == b"\x10":
        _check_png(data)  # OpenCV silently pads truncated files
        return None
    try:
        image = Image.open(io.BytesIO(data))
    except Image.UnidentifiedImageError:
        return None
    with image:
        if image.mode.startswith(("I", "F")) or max(getattr(image, "tag_v2", {}).get(258, (8,))) > 8:
            return None
        return np.array(image.convert("RGB"))  # drops alpha without blending


def _by_opencv(data: bytes) -> np.ndarray:
    stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if stored is None:
        raise ValueError("unknown format")
    if stored.dtype == np.uint16:
        stored = ((stored.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    elif stored.dtype != np.uint8:
        stored = _to_srgb(stored.astype(np.float32))
    if stored.ndim == 2:
        return np.repeat(stored[:, :, None], 3, axis=2)
    return np.ascontiguousarray(stored[:, :, 2::-1])


def _to_srgb(linear: np.ndarray) -> np.ndarray:
    clipped = np.clip(np.nan_to_num(linear, nan=0.0), 0, 1)
    encoded = np.where(clipped <= 0.0031308, clipped * 12.92, 1.055 * clipped ** (1 / 2.4) - 0.055)
    return np.rint(encoded * 255).astype(np.uint8)


def _check_png(data: bytes) -> None:
    """Raise ValueError if a PNG ends before its IEND chunk."""
    position = len(_PNG)
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        if data[position + 4 : position + 8] == b"IEND":
            return
        position += 12 + length
    raise ValueError("the file ends early")


def _dpx(path: Path, data: bytes) -> np.ndarray:
    if len(data) < struct.unpack_from(_dpx_order(data) + "I", data, 16)[0]:
        raise ValueError("the file ends early")
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    ok, pixels = capture.read()
    capture.release()
    if not ok:
        raise ValueError("unknown format")
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def _exr_size(header: bytes) -> tuple[int, int]:
    # An EXR attribute is name, type, length, value; the data window's value is its corners.
    offset = header.index(b"dataWindow\0box2i\0") + len(b"dataWindow\0box2i\0") + 4
    left, top, right, bottom = struct.unpack_from("<4i", header, offset)
    return bottom - top + 1, right - left + 1


def _hdr_size(header: bytes) -> tuple[int, int]:
    words = header.split(b"\n\n", 1)[1].split(b"\n", 1)[0].split()  # b"-Y 480 +X 720"
    return int(words[1]), int(words[3])


def _dpx_size(header: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(_dpx_order(header) + "2I", header, 772)
    return height, width


def _dpx_order(header: bytes) -> str:
    return {b"SDPX": ">", b"XPDS": "<"}.get(header[:4], ">")


# Parsers of the size (H, W) in headers of formats that Pillow lacks.
_HEADER_PARSERS: dict[str, Callable[[bytes], tuple[int, int]]] = {
    ".exr": _exr_size,
    ".hdr": _hdr_size,
    ".dpx": _dpx_size,
}
