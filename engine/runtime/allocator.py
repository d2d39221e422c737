"""Setting of malloc that keeps freed memory in the process, since PyTorch allocates it again for every frame."""

from __future__ import annotations

import ctypes
import sys

# glibc mallopt: blocks above the first threshold are unmapped when freed; free heap top above the second is trimmed.
_MMAP_THRESHOLD, _MAX_HEAP_BLOCK = -3, 512 << 20  # bytes
_TRIM_THRESHOLD, _MAX_FREE_TOP = -1, 512 << 20
_MAX_ARENAS = -8  # arenas of further threads release large blocks regardless of the thresholds


def tune_malloc() -> None:
    """Make malloc keep freed memory for reuse, in the whole process; does nothing without glibc.

    Otherwise page faults would cost a third of the time of a frame.
    """
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_MMAP_THRESHOLD, _MAX_HEAP_BLOCK)
        library.mallopt(_TRIM_THRESHOLD, _MAX_FREE_TOP)
        library.mallopt(_MAX_ARENAS, 1)
