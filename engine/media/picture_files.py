"""Image files on disk: opened only if they are files, read within bounds, and told apart by their content."""

from __future__ import annotations

import os
import stat
from pathlib import Path

MAX_SIDE = 65536  # pixels, as in Blender
MAX_PIXELS = 2**27  # 16384 x 8192
_MAX_BYTES = 4 * 2**30  # of a file
_SPECIAL = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))

# Formats that no decoder here reads: name, and the bytes at an offset by which they are known.
_UNREADABLE = (
    ("a JPEG XL image", 0, (b"\xff\x0a", b"\x00\x00\x00\x0cJXL ")),
    ("an HEIF image", 4, (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypmif1", b"ftypmsf1", b"ftypheim", b"ftypheis")),
    ("a Cineon image", 0, (b"\x80\x2a\x5f\xd7", b"\xd7\x5f\x2a\x80")),
    ("a large Photoshop document (PSB)", 0, (b"8BPS\x00\x02",)),
    ("a PostScript document", 0, (b"%!PS", b"\xc5\xd0\xd3\xc6")),
    ("a PDF document", 0, (b"%PDF",)),
    ("a camera raw image", 0, (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"IIU\x00", b"II*\x00\x10\x00\x00\x00CR")),
    ("a camera raw image", 4, (b"ftypcrx ",)),
)


class PictureNotUsable(ValueError):
    """The image is no file, or its size or kind cannot be used; the text says why as a clause about "it"."""


def check_size(height: int, width: int) -> None:
    """Raise PictureNotUsable for a size in pixels that is too large to decode, ValueError if it is not positive."""
    if height <= 0 or width <= 0:
        raise ValueError(f"a size of {width}x{height} pixels")
    if max(height, width) > MAX_SIDE or height * width > MAX_PIXELS:
        raise PictureNotUsable(
            f"its header gives a size of {width}x{height} pixels, above the limits of {MAX_SIDE} a side "
            f"and {MAX_PIXELS / 1e6:.0f} million in all"
        )


def check_format(head: bytes) -> None:
    """Raise PictureNotUsable if the first bytes of a file are those of a format that no decoder reads."""
    for kind, offset, marks in _UNREADABLE:
        if head[offset:].startswith(marks):
            raise PictureNotUsable(f"it is {kind}, which Keymatte does not read: convert it to PNG, TIFF or EXR")


def check_file(path: Path) -> int:
    """Return the length in bytes of an image file. Raises PictureNotUsable, FileNotFoundError.

    Opening a pipe would wait for ever, and a device has no end.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise PictureNotUsable(os.strerror(error.errno) if error.errno else str(error)) from error
    except ValueError as error:  # a null character, or one that the file system cannot encode
        raise PictureNotUsable(f"its path is not valid: {error}") from error
    if not stat.S_ISREG(status.st_mode):
        kind = next((kind for test, kind in _SPECIAL if test(status.st_mode)), "a device")
        raise PictureNotUsable(f"it is {kind}, not a file")
    if status.st_size == 0:
        raise PictureNotUsable("it is empty")
    if status.st_size > _MAX_BYTES:
        raise PictureNotUsable(f"it is {status.st_size / 2**30:.1f} GiB long, above the limit of 4 GiB")
    return status.st_size


def read_bytes(path: Path) -> bytes:
    """Read an image file, to the length that it has now. Raises PictureNotUsable, OSError."""
    length = check_file(path)
    with path.open("rb") as file:
        return file.read(length)


def read_head(path: Path) -> bytes:
    """Read the first bytes of an image file, which hold the size in formats that Pillow lacks."""
    check_file(path)
    with path.open("rb") as file:
        return file.read(65536)
