"""Reader and writer of 8-bit PNG label images and mattes, with NumPy and zlib only.

Blender's Python has no image library.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _PALETTE = 0, 3
_MAX_PIXELS = 1 << 28  # 16,384 x 16,384


class PngError(Exception):
    """Error for a file that is not a PNG, is damaged, or is of an unsupported kind (16 bit, colour, interlaced)."""


@dataclass(frozen=True)
class PngImage:
    """Single-channel 8-bit image. In a palette image, values are palette indices, and so object numbers."""

    values: np.ndarray  # (H, W) uint8
    palette: bool


def write_labels(path: Path, labels: np.ndarray) -> None:
    """Write object numbers `labels` (H, W) uint8 as a grey PNG."""
    height, width = labels.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with its filter type: 0, none
    rows[:, 1:] = labels
    header = struct.pack(">IIBBBBB", width, height, 8, _GREY, 0, 0, 0)
    path.write_bytes(
        _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows.tobytes(), 6)) + _chunk(b"IEND", b"")
    )


def read(path: Path) -> PngImage:
    """Read a grey or palette PNG of 1 to 8 bits, with values as stored.

    Raises PngError for any other file, and OSError if the file cannot be opened.
    """
    data = path.read_bytes()
    if not data.startswith(_SIGNATURE):
        raise PngError(f"{path.name} is not a PNG")
    try:
        chunks = _chunks(data)
        width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
        if colour not in (_GREY, _PALETTE) or depth not in (1, 2, 4, 8) or interlaced:
            raise PngError(f"{path.name} has colours, more than 8 bits, or is interlaced")
        if not 0 < width * height <= _MAX_PIXELS:
            raise PngError(f"{path.name} claims to be {width}x{height}")
        row_bytes = (width * depth + 7) // 8
        size = height * (row_bytes + 1)
        # Bounded, as a small file can hold any number of bytes.
        raw = np.frombuffer(zlib.decompressobj().decompress(chunks[b"IDAT"], size), np.uint8)
        raw = raw.reshape(height, row_bytes + 1)
    except (KeyError, ValueError, struct.error, zlib.error) as error:
        raise PngError(f"{path.name} is damaged ({error})") from error
    values = _unfilter(raw[:, 0], raw[:, 1:])
    if depth < 8:
        values = _unpack(values, depth)[:, :width]
    return PngImage(np.ascontiguousarray(values), palette=colour == _PALETTE)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _chunks(data: bytes) -> dict[bytes, bytes]:
    """Return the data of the chunks by kind. Chunks of one kind are joined: a PNG may split its pixels over several."""
    parts: dict[bytes, list[bytes]] = {}
    position = len(_SIGNATURE)
    while position + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        parts.setdefault(kind, []).append(data[position + 8 : position + 8 + length])
        position += length + 12
    return {kind: b"".join(pieces) for kind, pieces in parts.items()}


def _unpack(packed: np.ndarray, depth: int) -> np.ndarray:
    """Unpack bytes (H, B) that hold several pixels each into one pixel per byte, (H, B * 8 / depth)."""
    shifts = np.arange(8 - depth, -1, -depth, dtype=np.uint8)
    return ((packed[:, :, None] >> shifts) & (2**depth - 1)).reshape(len(packed), -1)


def _unfilter(filters: np.ndarray, raw: np.ndarray) -> np.ndarray:
    """Reverse a PNG's row filters for one-byte pixels: filters (H,), raw (H, B) -> values (H, B). Raises PngError."""
    if filters.max(initial=0) > 4:
        raise PngError("a row has an unknown filter")
    values = raw.copy()
    above = np.zeros(raw.shape[1], np.uint8)
    row = 0
    while row < len(raw):
        if filters[row] >= 3:  # Average and Paeth depend on left and upper pixels: decode consecutive rows together
            stop = row + 1
            while stop < len(raw) and filters[stop] >= 3:
                stop += 1
            values[row:stop] = _unfilter_slanted(filters[row:stop], raw[row:stop], above)
            row = stop
        else:
            if filters[row] == 1:
                np.cumsum(raw[row], dtype=np.uint8, out=values[row])
            elif filters[row] == 2:
                np.add(raw[row], above, out=values[row])
            row += 1
        above = values[row - 1]
    return values


def _unfilter_slanted(filters: np.ndarray, raw: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Reverse the filters Average (3) and Paeth (4), one anti-diagonal of pixels at a time.

    A pixel depends on its left, upper and upper left neighbours, so each anti-diagonal depends only on earlier ones.
    filters (H,), raw (H, B), and `above` (B,), the row above -> values (H, B).
    """
    height, width = raw.shape
    rows = np.arange(height)
    paeth = filters == 4
    # slanted[d + 1, y + 1] is pixel (y, d - y). Row -1 is `above`, and the column left of column 0 is 0
    slanted = np.zeros((height + width + 1, height + 1), np.int16)
    slanted[:width, 0] = above
    for diagonal in range(height + width - 1):
        first, last = max(0, diagonal - width + 1), min(height, diagonal + 1)
        at = rows[first:last]
        left = slanted[diagonal, first + 1 : last + 1]
        up = slanted[diagonal, first:last]
        corner = slanted[diagonal - 1, first:last] if diagonal else np.zeros_like(up)
        guess = left + up - corner
        to_left, to_up, to_corner = np.abs(guess - left), np.abs(guess - up), np.abs(guess - corner)
        nearest = np.where((to_left <= to_up) & (to_left <= to_corner), left, np.where(to_up <= to_corner, up, corner))
        predicted = np.where(paeth[first:last], nearest, (left + up) >> 1)
        slanted[diagonal + 1, first + 1 : last + 1] = (raw[at, diagonal - at] + predicted) & 255
    return slanted[rows[:, None] + np.arange(width)[None, :] + 1, rows[:, None] + 1].astype(np.uint8)
