"""Row of a table of readers for the fuzz."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Files = list[tuple[str, bytes]]  # suffix, content


@dataclass(frozen=True)
class Reader:
    """Reader of a file: raises only `errors` (or nothing, if there are none), whatever the file contains."""

    name: str
    read: Callable[[Path], object]
    examples: Callable[[], Files]  # undamaged files
    errors: tuple[type[Exception], ...]
    share: int = 1  # of the inputs, relative to the others'
