"""Reading of files with splines that may be damaged or crafted: bounded sizes, and numbers that are numbers."""

from __future__ import annotations

import math
from pathlib import Path

from .errors import ShapesUnreadable

MAX_BYTES = 256 << 20  # of a file
MAX_POINTS = 4_000_000  # of all splines on all keys
MAX_DEPTH = 64  # of what is nested in a file
MAX_SIDE = 1 << 20  # pixels of a clip, and far more than any point needs
MAX_FRAME = 10**7


def read_text(path: Path) -> str:
    """Read a text file in UTF-8. Raises ShapesUnreadable if it is missing, too large, empty or no text."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ShapesUnreadable(
                f"{path} is larger than {MAX_BYTES >> 20} MB", remedy="Export fewer objects, or a shorter range."
            )
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ShapesUnreadable(f"{path} cannot be read: {error.strerror}", remedy="Choose another file.") from error
    except (UnicodeDecodeError, ValueError) as error:
        raise ShapesUnreadable(f"{path} is not a text in UTF-8", remedy="Choose another file.") from error
    if not text.strip():
        raise ShapesUnreadable(f"{path} is empty")
    return text


def number(value: object) -> float:
    """Return a finite number of moderate size. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{_shown(value)} is not a number")
    try:
        found = float(value)
    except (ValueError, OverflowError):
        raise ValueError(f"{_shown(value)} is not a number") from None
    if not math.isfinite(found) or abs(found) > 1e9:
        raise ValueError(f"{_shown(value)} is not a finite number of moderate size")
    return found


def frame(value: object) -> int:
    """Return the number of a frame. Raises ValueError."""
    found = number(value)
    if found != int(found) or abs(found) > MAX_FRAME:
        raise ValueError(f"{_shown(value)} is not the number of a frame")
    return int(found)


def side(value: object) -> int:
    """Return a width or height in pixels. Raises ValueError."""
    found = number(value)
    if found != int(found) or not 1 <= found <= MAX_SIDE:
        raise ValueError(f"{_shown(value)} is not a size in pixels")
    return int(found)


def _shown(value: object) -> str:
    return repr(value)[:40]


class PointCount:
    """Counts the points that a file holds, before memory is taken for them."""

    def __init__(self) -> None:
        self._left = MAX_POINTS

    def add(self, count: int) -> None:
        """Count points. Raises ValueError if there are more than can be of use."""
        self._left -= count
        if self._left < 0:
            raise ValueError(f"it has more than {MAX_POINTS} points")
