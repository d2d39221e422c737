"""Tags of TIFF files: read, and the orientation cleared, since decoders would turn the image, and Blender does not."""

from __future__ import annotations

import struct
from collections.abc import Iterator

MARKS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
WIDTH, HEIGHT, ORIENTATION, SAMPLE_FORMAT = 256, 257, 274, 339
_SHORT, _LONG = 3, 4  # types of values


class Directory:
    """Tags of one page, with one number each: the value, or the first one of a list that fits into the entry."""

    def __init__(self, data: bytes, order: str, big: bool, offset: int) -> None:
        """Index the entries of the directory at an offset. Raises struct.error if it is not within `data`."""
        self._data, self._order = data, order
        count_format, entry_bytes, self._value = ("Q", 20, 12) if big else ("H", 12, 8)
        (count,) = struct.unpack_from(order + count_format, data, offset)
        start = offset + struct.calcsize(order + count_format)
        end = start + count * entry_bytes
        (self.next,) = struct.unpack_from(order + ("Q" if big else "I"), data, end)
        entries = range(start, end, entry_bytes)
        self._entries = {struct.unpack_from(order + "H", data, entry)[0]: entry for entry in entries}

    def value(self, tag: int, default: int) -> int:
        """Return the number of a tag; `default` if it is missing or of another type."""
        entry = self._entries.get(tag)
        if entry is None:
            return default
        (kind,) = struct.unpack_from(self._order + "H", self._data, entry + 2)
        number_format = {_SHORT: "H", _LONG: "I"}.get(kind)
        if number_format is None:
            return default
        return int(struct.unpack_from(self._order + number_format, self._data, entry + self._value)[0])

    def offset(self, tag: int) -> int:
        """Return where the value of an existing tag is in the file."""
        return self._entries[tag] + self._value


def directories(data: bytes) -> Iterator[Directory]:
    """Yield the directories of a TIFF file, page by page. Raises struct.error and OverflowError for damage."""
    order = "<" if data.startswith(b"II") else ">"
    big = data[2:4] in (b"+\x00", b"\x00+")
    (offset,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    done = set()
    while offset and offset not in done:
        done.add(offset)
        directory = Directory(data, order, big, offset)
        yield directory
        offset = directory.next


def without_orientation(data: bytes) -> bytes:
    """Return a TIFF file whose pages all have the normal orientation; `data` itself if they have already."""
    order = "<" if data.startswith(b"II") else ">"
    turned = [page.offset(ORIENTATION) for page in _readable(data) if page.value(ORIENTATION, 1) != 1]
    if not turned:
        return data
    patched = bytearray(data)
    for offset in turned:
        struct.pack_into(order + "H", patched, offset, 1)
    return bytes(patched)


def _readable(data: bytes) -> list[Directory]:
    """Return the directories up to the first damaged one."""
    found = []
    try:
        for directory in directories(data):
            found.append(directory)
    except (struct.error, OverflowError):
        pass
    return found
