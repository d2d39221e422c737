"""Kept features of a job's clip, by default in the user's cache folder."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from ..inference.feature_cache import FeatureCache
from ..shared.kept_features import features_folder
from ..shared.picture_stamps import picture_stamp
from .program import hash_program
from .setup import JobContext

Rows = tuple[tuple[float, ...], ...]


@contextmanager
def kept_features(
    context: JobContext, disk_bytes: int, root: Path | None = None, stabilization: Rows = ()
) -> Iterator[FeatureCache]:
    """Give the `with` block the cache of the features that a job computes, up to `disk_bytes` on disk, in `root`.

    They depend on the network, its weights and size, the program, the number of threads, the picture's content, and how
    it is moved by a `stabilization`.
    """
    reader = context.reader
    made_by = context.identity() | {"program": hash_program(), "threads": torch.get_num_threads()}
    if stabilization:
        made_by["stabilization"] = hashlib.sha256(repr(stabilization).encode()).hexdigest()
    name = hashlib.sha256(json.dumps(made_by, sort_keys=True, default=str).encode()).hexdigest()[:32]

    def file_name(frame: int) -> str:
        stamp = picture_stamp(reader.files[min(frame, len(reader.files) - 1)])
        return f"{frame:06d}-{zlib.crc32(stamp.encode()):08x}"

    cache = FeatureCache(root or features_folder(), name, file_name, disk_bytes=disk_bytes)
    try:
        yield cache
    finally:
        cache.close()
