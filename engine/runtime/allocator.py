"""How the process keeps memory that it freed: PyTorch asks for the same large pieces again at every frame."""

from __future__ import annotations

import ctypes
import sys

# glibc's mallopt: what is larger than the one is given back at once when freed, what is free beyond the other, later.
_MMAP_THRESHOLD, _AT_ONCE = -3, 512 << 20  # bytes
_TRIM_THRESHOLD, _LATER = -1, 512 << 20
_MOST_ARENAS = -8  # those of further threads give large pieces back whatever is said here


def tune_malloc() -> None:
    """For the whole process. Fresh pages cost a third of a frame's time; without glibc nothing is changed."""
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_MMAP_THRESHOLD, _AT_ONCE)
        library.mallopt(_TRIM_THRESHOLD, _LATER)
        library.mallopt(_MOST_ARENAS, 1)
