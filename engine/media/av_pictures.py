"""Images that FFmpeg decodes: DPX, Radiance HDR, and PNG of 16 bits."""

from __future__ import annotations

import io
import struct

import av
import numpy as np

from .picture_files import check_size
from .pillow_pictures import to_8_bits

PNG = b"\x89PNG\r\n\x1a\n"
_DPX, _HDR = (b"SDPX", b"XPDS"), (b"#?RADIANCE", b"#?RGBE")
_EXACT = ("rgb24", "rgba", "gray", "gray16", "rgb48", "rgba64", "gbrp10", "gbrp12", "gbrpf32")


def is_for_ffmpeg(head: bytes) -> bool:
    """Return whether a file with these first bytes is read here."""
    return head.startswith((*_DPX, *_HDR)) or is_deep_png(head)


def is_deep_png(head: bytes) -> bool:
    """Return whether these are the first bytes of a PNG of 16 bits, which Pillow would reduce to 8 by truncation."""
    return head.startswith(PNG) and head[24:25] == b"\x10"


def size(head: bytes) -> tuple[int, int]:
    """Return the size (H, W) in the first bytes of a file that is read here. Raises ValueError, struct.error."""
    if head.startswith(_DPX):
        width, height = struct.unpack_from(_dpx_order(head) + "2I", head, 772)
    elif head.startswith(_HDR):
        words = head.split(b"\n\n", 1)[1].split(b"\n", 1)[0].split()  # b"-Y 480 +X 720"
        height, width = int(words[1]), int(words[3])
    else:
        width, height = struct.unpack_from(">2I", head, 16)
    check_size(height, width)
    return height, width


def read(data: bytes) -> np.ndarray:
    """Decode a file: (H, W, 3) uint8 RGB without alpha, HDR converted from linear to sRGB.

    Raises ValueError for truncation, and the errors of PyAV.
    """
    size(data[:65536])
    if data.startswith(_DPX):
        if len(data) < struct.unpack_from(_dpx_order(data) + "I", data, 16)[0]:
            raise ValueError("the file ends early")
        return _decode(data, "dpx_pipe")
    if data.startswith(_HDR):
        return _decode(data, "hdr_pipe")
    _check_png(data)
    return _decode(data, "png_pipe")


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """Convert linear values to sRGB uint8; values outside of 0 to 1 are clipped, and NaN is black."""
    clipped = np.clip(np.nan_to_num(linear, nan=0.0), 0, 1)
    encoded = np.where(clipped <= 0.0031308, clipped * 12.92, 1.055 * clipped ** (1 / 2.4) - 0.055)
    return np.rint(encoded * 255).astype(np.uint8)


def _decode(data: bytes, format_name: str) -> np.ndarray:
    with av.open(io.BytesIO(data), mode="r", format=format_name) as container:
        stream = container.streams.video[0]
        stream.codec_context.options = {"err_detect": "crccheck+explode"}
        frame = next(container.decode(stream), None)
        if frame is None:
            raise ValueError("the file ends early")
        name = frame.format.name.removesuffix("le").removesuffix("be")
        white = float(2 ** frame.format.components[0].bits - 1)
        if name in _EXACT:
            stored = frame.to_ndarray()
        else:
            stored, white = frame.to_ndarray(format="rgb48le"), 65535.0
    if stored.ndim == 2:
        stored = stored[:, :, None]
    if stored.shape[2] < 3:  # grey, perhaps with alpha
        stored = np.repeat(stored[:, :, :1], 3, axis=2)
    colours = np.ascontiguousarray(stored[:, :, :3])
    return to_srgb(colours) if colours.dtype.kind == "f" else to_8_bits(colours, white)


def _check_png(data: bytes) -> None:
    """Raise ValueError if a PNG ends before its IEND chunk."""
    position = len(PNG)
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        if data[position + 4 : position + 8] == b"IEND":
            return
        position += 12 + length
    raise ValueError("the file ends early")


def _dpx_order(header: bytes) -> str:
    return {b"SDPX": ">", b"XPDS": "<"}[header[:4]]
