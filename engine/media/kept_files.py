"""Files in the user's cache folder: what was found by reading whole films, so that it is not found again."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..shared.errors import EngineError
from ..shared.files import atomic_write


def keep(file: Path, arrays: Mapping[str, NDArray[Any]], log: logging.Logger, *, at_most: int) -> None:
    """Write arrays to an .npz file, and remove the oldest of more than `at_most` such files beside it.

    A failure is no harm, and is only logged.
    """
    contents: dict[str, Any] = dict(arrays)
    try:
        with atomic_write(file) as part, part.open("wb") as stream:
            np.savez_compressed(stream, **contents)
        kept = sorted(file.parent.glob("[0-9a-f]*.npz"), key=lambda other: other.stat().st_mtime_ns)
        for old in kept[:-at_most]:
            if len(old.stem) == len(file.stem):
                old.unlink(missing_ok=True)
    except (EngineError, OSError, OverflowError) as error:
        log.info("%s is not kept: %s", file.name, error)
