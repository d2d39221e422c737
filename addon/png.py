"""Reader and writer of PNG label images and mattes of one channel, with NumPy and zlib only.

Blender's Python has no image library.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..engine.shared.grey_png import encode_grey

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _PALETTE = 0, 3
_ROWS = 64  # decoded at a time
_MAX_PIXELS = 1 << 28  # 16,384 x 16,384
_ADAM7 = (  # row and column of the first pixel of each pass of an interlaced image, and the steps to the next ones
    (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1),
)  # fmt: skip


class PngError(Exception):
    """Error for a file that is not a PNG, is damaged, or is of an unsupported kind (16 bit, colour, with alpha)."""


@dataclass(frozen=True)
class PngImage:
    """Image of one channel of up to 8 bits. In a palette image, values are palette indices."""

    values: np.ndarray  # (H, W) uint8, as stored
    white: int  # the value of white, or 255 in a palette image
    palette: np.ndarray | None = None  # (N, 3) uint8
    alpha: np.ndarray | None = None  # (H, W) uint8, if some values are transparent


def write_grey(path: Path, values: np.ndarray) -> None:
    """Write `values` (H, W) uint8 as a grey PNG."""
    path.write_bytes(encode_grey(values))


def read(path: Path, *, deep: bool = False) -> PngImage:
    """Read a grey or palette PNG of 1 to 8 bits, with values as stored; with `deep`, also 16 bits, as the upper 8.

    Raises PngError for any other file, and OSError if the file cannot be opened.
    """
    data = path.read_bytes()
    if not data.startswith(_SIGNATURE):
        raise PngError(f"{path.name} is not a PNG")
    try:
        chunks = _chunks(data)
        width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
        is_deep = deep and depth == 16 and colour == _GREY
        if colour not in (_GREY, _PALETTE) or not (depth in (1, 2, 4, 8) or is_deep) or interlaced > 1:
            raise PngError(f"{path.name} has colours or more than 8 bits")
        if not 0 < width * height <= _MAX_PIXELS:
            raise PngError(f"{path.name} claims to be {width}x{height}")
        pixels = _Pixels(chunks[b"IDAT"])
        if interlaced:
            values = np.zeros((height, width), np.uint8)
            for part in (values[y::down, x::right] for y, x, down, right in _ADAM7):
                if part.size:
                    part[:] = _decoded(pixels, (part.shape[0], part.shape[1]), depth)
        else:
            values = _decoded(pixels, (height, width), depth)
        palette = np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(-1, 3) if colour == _PALETTE else None
    except (KeyError, ValueError, struct.error, zlib.error) as error:
        raise PngError(f"{path.name} is damaged ({error})") from error
    white = 255 if colour == _PALETTE else min(255, 2**depth - 1)
    return PngImage(values, white, palette, _alpha(values, chunks.get(b"tRNS", b""), colour))


class _Pixels:
    """Bytes of an image, inflated piece by piece."""

    def __init__(self, data: bytes) -> None:
        self._inflater, self._left = zlib.decompressobj(), data

    def rows(self, count: int, width: int) -> np.ndarray:
        """Return the next `count` rows of `width` bytes. Raises ValueError if there are fewer."""
        if not count:
            return np.zeros((0, width), np.uint8)
        # Bounded, as a small file can hold any number of bytes.
        piece = self._inflater.decompress(self._left, count * width)
        self._left = self._inflater.unconsumed_tail
        return np.frombuffer(piece, np.uint8).reshape(count, width)


def _decoded(pixels: _Pixels, shape: tuple[int, int], depth: int) -> np.ndarray:
    """Return the next image of a shape (H, W), uint8. Raises PngError, and ValueError if the file ends before.

    Some rows at a time are inflated and decoded, so that they stay in the processor's cache. But where the filters
    Average and Paeth begin, all rows left are decoded together, as these take as many steps for few rows as for many.
    """
    height, width = shape
    row_bytes = (width * min(depth, 8) + 7) // 8
    values = np.empty((height, row_bytes), np.uint8)
    step = 2 if depth == 16 else 1  # filters compare each byte with the same one of another pixel, so one will do
    above = np.zeros(row_bytes, np.uint8)
    row = 0
    while row < height:
        raw = pixels.rows(min(_ROWS, height - row), step * row_bytes + 1)
        if (raw[:, 0] >= 3).any():
            raw = np.concatenate([raw, pixels.rows(height - row - len(raw), step * row_bytes + 1)])
        above = _unfilter(raw[:, 0], raw[:, 1::step], above, values[row : row + len(raw)])
        row += len(raw)
    return _unpack(values, depth)[:, :width] if depth < 8 else values


def _alpha(values: np.ndarray, transparency: bytes, colour: int) -> np.ndarray | None:
    """Return the alpha (H, W) uint8 by a tRNS chunk: the alpha of each palette entry, or the transparent grey value."""
    if not transparency:
        return None
    table = np.full(256, 255, np.uint8)
    if colour == _PALETTE:
        entries = np.frombuffer(transparency[:256], np.uint8)
        table[: len(entries)] = entries
    else:
        table[transparency[-1]] = 0
    return table[values]


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


def _unfilter(filters: np.ndarray, raw: np.ndarray, above: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Reverse a PNG's row filters for one-byte pixels, into `values`: filters (H,), raw and values (H, B).

    `above` (B,) is the row above. Returns the last row. Raises PngError.
    """
    if filters.max(initial=0) > 4:
        raise PngError("a row has an unknown filter")
    # Consecutive rows that are undone in the same way are undone together. The filters Average and Paeth may alternate.
    ways = np.minimum(filters, 3)
    starts = np.flatnonzero(np.diff(ways, prepend=255))
    for start, stop in zip(starts, [*starts[1:], len(raw)]):
        rows = raw[start:stop]
        if ways[start] == 0:
            values[start:stop] = rows
        elif ways[start] == 1:
            np.cumsum(rows, axis=1, dtype=np.uint8, out=values[start:stop])
        elif ways[start] == 2:
            for row in range(start, stop):  # faster than a cumulative sum, as whole rows are added
                above = np.add(raw[row], above, out=values[row])
        else:
            values[start:stop] = _unfilter_where_needed(filters[start:stop], rows, above)
        above = values[stop - 1]
    return above


def _unfilter_where_needed(filters: np.ndarray, raw: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Reverse the filters Average (3) and Paeth (4), mostly only in the columns that are not zero.

    A column of zeros below a zero, and right of a column that is zero once decoded, is itself zero.
    """
    used = np.flatnonzero(raw.any(axis=0) | (above > 0))
    values = np.zeros_like(raw)
    if not used.size:
        return values
    first, last = used[0], used[-1] + 1
    values[:, first:last] = _unfilter_slanted(filters, raw[:, first:last], above[first:last])
    if last < raw.shape[1] and values[:, last - 1].any():
        values[:, first:] = _unfilter_slanted(filters, raw[:, first:], above[first:])
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
