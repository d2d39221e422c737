"""FeatureCache: keeps what the encoder makes of frames, so that later sweeps, runs and suggestions need not."""

from __future__ import annotations

import json
import logging
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import safetensors
import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from ..shared.errors import EngineError
from ..shared.files import atomic_write
from ..shared.kept_features import feature_files

_log = logging.getLogger(__name__)
MEMORY_BYTES = 256 << 20  # of the frames encoded last
_SPARE = 2 << 30  # bytes that are left free on the disk
_MAX_PENDING = 4  # frames that wait for the disk; more are not kept there

Tensors = dict[str, Tensor]


class FeatureCache:
    """Features of a clip's frames as named tensors: those used last in memory, all in files, up to a size.

    The folder of a clip's files, `root` / `name`, stands beside those of other clips; the files that were not used for
    the longest time are removed first, whichever clip they are of.
    """

    def __init__(self, root: Path, name: str, file_name: Callable[[int], str], *, disk_bytes: int) -> None:
        """Use the folder `name` in `root`; `file_name` names the file of a media frame, without suffix.

        All that features depend on is part of either name. All folders together take up to `disk_bytes`; so does what
        is kept in memory, if that is less than `MEMORY_BYTES`.
        """
        self._root, self._folder, self._file_name = root, root / name, file_name
        self._disk_bytes, self._memory_bytes = disk_bytes, min(MEMORY_BYTES, disk_bytes)
        self._recent: OrderedDict[int, Tensors] = OrderedDict()
        self._recent_bytes = 0
        self._lock = threading.Lock()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="features")
        self._pending = 0
        self._used: int | None = None  # bytes of all files; None until they were counted
        self._is_full = disk_bytes <= 0

    def close(self) -> None:
        """Wait for the files that are being written."""
        self._writer.shutdown()

    def get(self, frame: int) -> Tensors | None:
        """Return the tensors of a media frame; None if they are not kept."""
        with self._lock:
            if frame in self._recent:
                self._recent.move_to_end(frame)
                return self._recent[frame]
        path = self._path(frame)
        try:
            tensors = _load(path)
            path.touch()
        except (OSError, SafetensorError, ValueError, RuntimeError, LookupError, TypeError):  # not there, or damaged
            return None
        self._remember(frame, tensors)
        return tensors

    def put(self, frame: int, tensors: Tensors) -> None:
        """Keep the tensors of a media frame, which must not be changed any more. A failure is no harm."""
        self._remember(frame, tensors)
        with self._lock:
            if self._is_full or self._pending >= _MAX_PENDING:
                return
            self._pending += 1
        self._writer.submit(self._write, frame, tensors)

    def _remember(self, frame: int, tensors: Tensors) -> None:
        with self._lock:
            if frame in self._recent:
                return
            self._recent[frame] = tensors
            self._recent_bytes += _size(tensors)
            while self._recent_bytes > self._memory_bytes:
                self._recent_bytes -= _size(self._recent.popitem(last=False)[1])

    def _path(self, frame: int) -> Path:
        return self._folder / f"{self._file_name(frame)}.safetensors"

    def _write(self, frame: int, tensors: Tensors) -> None:
        try:
            self._make_room(_size(tensors))
            if not self._is_full:
                with atomic_write(self._path(frame)) as part:
                    _save(tensors, part)
        except (EngineError, OSError, SafetensorError, RuntimeError) as error:
            _log.info("features are not kept on disk: %s", error)
            self._is_full = True
        finally:
            with self._lock:
                self._pending -= 1

    def _make_room(self, size: int) -> None:
        """Remove the files that were not used for the longest time, until one of `size` bytes may be added."""
        if self._used is None:
            self._root.mkdir(parents=True, exist_ok=True)
            self._used = sum(one.stat().st_size for one in feature_files(self._root))
        if self._used + size > self._disk_bytes:
            for path in sorted(feature_files(self._root), key=lambda path: path.stat().st_mtime_ns):
                if self._used + size <= 0.9 * self._disk_bytes:  # well below, so that the next files find room, too
                    break
                self._used -= path.stat().st_size
                path.unlink(missing_ok=True)
                with suppress(OSError):
                    path.parent.rmdir()  # if it is empty now
        self._is_full = size > self._disk_bytes or shutil.disk_usage(self._root).free < _SPARE + size
        self._used += size


def _save(tensors: Tensors, path: Path) -> None:
    """Write tensors with their order in memory, which rounding depends on: a file holds only contiguous ones."""
    stored, layouts = {}, {}
    for name, tensor in tensors.items():
        base = tensor
        for dimension in range(tensor.ndim):
            if tensor.stride(dimension) == 0:  # expanded
                base = base.narrow(dimension, 0, 1)
        order = sorted(range(base.ndim), key=list(base.stride()).__getitem__, reverse=True)
        stored[name] = base.permute(order).contiguous()
        layouts[name] = json.dumps([order, list(tensor.shape)])
    safetensors.torch.save_file(stored, path, layouts)


def _load(path: Path) -> Tensors:
    """Read what `_save` has written. Raises OSError, SafetensorError, ValueError, LookupError, TypeError."""
    tensors = {}
    with safetensors.safe_open(path, framework="pt") as file:
        layouts = file.metadata() or {}
        for name in file.keys():  # noqa: SIM118 - the file is no mapping
            order, shape = json.loads(layouts[name])
            back = [order.index(dimension) for dimension in range(len(order))]
            tensors[name] = file.get_tensor(name).permute(back).expand(shape)
    return tensors


def _size(tensors: Tensors) -> int:
    return sum(one.nbytes for one in tensors.values())
