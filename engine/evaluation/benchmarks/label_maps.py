"""Masks of benchmarks, read by their stored values; what a benchmark ignores, or counts as one object, is seen to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...media.label_images import read_labels
from ...shared.errors import EngineError
from .types import Benchmark

_REMEDY = "Unpack the data set again, or replace this file."


def read_map(path: Path, benchmark: Benchmark, *, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """Read a mask (H, W) of a benchmark: object ids, 0 for background, and the benchmark's ignored value as it is.

    Where all objects count as one, it is 1. `size` is the expected (H, W). Raises KeyframeUnreadable,
    KeyframeSizeMismatch, KeyframeNotLabels.
    """
    try:
        labels: NDArray[np.uint8] = read_labels(path, size=size)
    except EngineError as error:
        if str(path) in error.message:
            raise
        raise type(error)(f"{path}: {error.message}", remedy=_REMEDY) from error
    if not benchmark.merged:
        return labels
    return np.where((labels > 0) & (labels != _value(benchmark)), 1, np.where(labels == _value(benchmark), labels, 0))


def objects_in(labels: NDArray[np.uint8], benchmark: Benchmark) -> tuple[int, ...]:
    """Return the ids of the objects in a mask, ascending, without background and the ignored value."""
    ids = np.flatnonzero(np.bincount(labels.ravel(), minlength=256))
    return tuple(int(id_) for id_ in ids if id_ and id_ != benchmark.ignored)


def _value(benchmark: Benchmark) -> int:
    """Return the ignored value of a benchmark; -1 if it has none."""
    return -1 if benchmark.ignored is None else benchmark.ignored
