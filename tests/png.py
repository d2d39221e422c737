"""PNG files written with numpy and the standard library alone, as Blender's Python has no image library."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PALETTE = 3
_ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # channels -> grey, grey with alpha, RGB, RGBA


def write_png(
    path: Path,
    pixels: np.ndarray,
    palette: np.ndarray | None = None,
    *,
    bit_depth: int = 8,
    row_filters: np.ndarray | None = None,
    interlaced: bool = False,
) -> Path:
    """Write pixels as a PNG file, as `encode_png` encodes them. Returns the path."""
    path.write_bytes(encode_png(pixels, palette, bit_depth=bit_depth, row_filters=row_filters, interlaced=interlaced))
    return path


def encode_png(
    pixels: np.ndarray,
    palette: np.ndarray | None = None,
    *,
    bit_depth: int = 8,
    row_filters: np.ndarray | None = None,
    interlaced: bool = False,
) -> bytes:
    """Encode grey (H, W), grey with alpha (H, W, 2), RGB (H, W, 3) or RGBA (H, W, 4) values as a PNG.

    With a palette (N, 3) of 0..255, pixels (H, W) are indices of its entries. Values range from 0 to 2**bit_depth - 1;
    the bit depth is 1, 2 or 4 (one channel only), 8 or 16 (no palette). `row_filters` (H,) holds the filter type 0..4
    of each row; without it, no row is filtered. Rows of interlaced images, stored in seven passes, are not filtered.
    """
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    colour_type = _PALETTE if palette is not None else _COLOUR_TYPES[channels]
    if interlaced:
        passes = [pixels[y::down, x::right] for y, x, down, right in _ADAM7]
        stored = b"".join(_scanlines(part, bit_depth) for part in passes if part.size)
    else:
        stored = _scanlines(pixels, bit_depth, row_filters)
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bit_depth, colour_type, 0, 0, interlaced)),
            _chunk(b"PLTE", palette.astype(np.uint8).tobytes()) if palette is not None else b"",
            _chunk(b"IDAT", zlib.compress(stored)),
            _chunk(b"IEND", b""),
        )
    )


def _scanlines(pixels: np.ndarray, bit_depth: int, row_filters: np.ndarray | None = None) -> bytes:
    """Return the rows of pixels (H, W) or (H, W, C), each after its filter type."""
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    row_bytes = _packed_rows(pixels.reshape(height, width * channels), bit_depth)
    if row_filters is None:
        row_filters = np.zeros(height, np.uint8)
    else:
        row_bytes = _filtered(row_bytes, row_filters, max(1, channels * bit_depth // 8))
    return np.concatenate([row_filters.astype(np.uint8)[:, None], row_bytes], axis=1).tobytes()


def _packed_rows(samples: np.ndarray, bit_depth: int) -> np.ndarray:
    """Return samples (H, N) as bytes (H, B): most significant bits first, each row padded to whole bytes."""
    if bit_depth == 8:
        return samples.astype(np.uint8)
    if bit_depth == 16:
        return samples.astype(">u2").view(np.uint8)
    bits = samples[..., None] >> np.arange(bit_depth - 1, -1, -1) & 1
    return np.packbits(bits.reshape(len(samples), -1).astype(np.uint8), axis=1)


def _filtered(row_bytes: np.ndarray, row_filters: np.ndarray, pixel_bytes: int) -> np.ndarray:
    """Apply PNG filter types 0..4 (none, sub, up, average, Paeth) to rows of bytes (H, B)."""
    padded = np.pad(row_bytes.astype(np.int16), ((1, 0), (pixel_bytes, 0)))
    left, up, corner = padded[1:, :-pixel_bytes], padded[:-1, pixel_bytes:], padded[:-1, :-pixel_bytes]
    neighbours = np.stack([left, up, corner])
    nearest = np.abs(neighbours - (left + up - corner)).argmin(axis=0)  # the first of equals, as the standard says
    paeth = np.take_along_axis(neighbours, nearest[None], axis=0)[0]
    predictions = np.stack([np.zeros_like(left), left, up, (left + up) // 2, paeth])
    return (row_bytes - predictions[row_filters, np.arange(len(row_bytes))]).astype(np.uint8)


def _chunk(kind: bytes, data: bytes) -> bytes:
    """Return one chunk: length, kind, data and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
