"""How far an unfinished job is, kept beside its mattes, so that the same job goes on there instead of anew."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from ..checkpoints import loading
from ..checkpoints.download import sha256_of
from ..inference.propagate import Point
from ..shared.errors import EngineError
from ..shared.files import atomic_write
from ..shared.matte_folder import MEMORY, MatteFolder
from ..shared.types import PropagationJob
from .setup import Equipment

_log = logging.getLogger(__name__)
_WRITTEN = "written"  # a tensor beside those of the walk
_EVERY = 5.0  # seconds between two that are written, at least
_TIMES = 20  # as long as writing the last one took, at least
_BYTES = 2 << 20  # a second that are written, at most
_MOST = 256 << 20  # bytes: a memory that holds more is not kept


@dataclass(frozen=True)
class Since:
    """Where a job goes on."""

    point: Point
    done: int  # steps
    written: np.ndarray  # (frames, objects) int64: bytes of the mattes that it has written
    readable: frozenset[int]  # keyframes whose pictures could be read
    failed: dict[int, str]  # media frames that could not be read, and why


class Unfinished:
    """What is kept of one job in its matte folder. `identity` is all that its mattes depend on."""

    def __init__(self, folder: MatteFolder, identity: dict) -> None:
        self._identity = json.dumps(identity, sort_keys=True, default=str)
        self._folder = folder
        self._own = folder.unfinished / hashlib.sha256(self._identity.encode()).hexdigest()[:16]
        self._next: float | None = time.monotonic() + _EVERY  # None: nothing is kept any more

    def place_of_first(self, object_id: int, number: int) -> Path:
        """File of an object's matte as the first of two sweeps left it; it may not be there."""
        return self._own / f"{object_id:03d}" / f"{number:06d}.png"

    def first(self, object_id: int, number: int) -> Path:
        """The same, kept now if it was not before; or, where it cannot be, the matte itself, which is still that."""
        matte, kept = self._folder.matte(object_id, number), self.place_of_first(object_id, number)
        if kept.is_file():
            return kept
        if self._next is None:
            return matte
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            try:
                kept.hardlink_to(matte)  # mattes are replaced, never changed
            except OSError:
                with atomic_write(kept) as part:
                    shutil.copyfile(matte, part)
        except (OSError, EngineError) as error:
            self._give_up(error)
            return matte
        return kept

    def since(self) -> Since | None:
        """Where the same job was interrupted, if it was."""
        file = self._own / MEMORY
        try:
            about = loading.metadata(file) if file.is_file() else {}
            if about.get("identity") == self._identity:
                told = json.loads(about["told"])
                # Not mapped: on Windows a file that is could not be replaced. Cloned: bytes are not to be written to.
                tensors = {name: tensor.clone() for name, tensor in load(file.read_bytes()).items()}
                written = tensors.pop(_WRITTEN).numpy()
                return Since(
                    Point(told["sweep"], told["frame"], told["held"], tensors),
                    told["done"],
                    written,
                    frozenset(told["readable"]),
                    {int(frame): why for frame, why in told["failed"].items()},
                )
        except (EngineError, SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            _log.warning("%s: the job begins anew", error)
        return None

    def due(self) -> bool:
        """Whether it is time for another to be written; once, until it is."""
        if self._next is None or time.monotonic() < self._next:
            return False
        self._next = math.inf
        return True

    def keep(
        self,
        point: Point,
        done: int,
        written: Callable[[], np.ndarray],
        readable: Iterable[int],
        failed: Mapping[int, str],
    ) -> None:
        """Write how far it is, where there is space and memory is not too large for that; the job is done anyway."""
        began, size = time.monotonic(), sum(tensor.nbytes for tensor in point.tensors.values())
        if self._next is None:
            return
        if size > _MOST:
            _log.info("memory holds too much to be kept from here on, for the case that the job is interrupted")
            return
        told = {
            "sweep": point.sweep,
            "frame": point.frame,
            "held": point.held,
            "done": done,
            "readable": sorted(readable),
            "failed": dict(failed),
        }
        try:
            tensors = {name: tensor.cpu().contiguous().clone() for name, tensor in point.tensors.items()}
            tensors[_WRITTEN] = torch.from_numpy(written())
            with atomic_write(self._own / MEMORY) as part:
                part.write_bytes(save(tensors, metadata={"identity": self._identity, "told": json.dumps(told)}))
        except (EngineError, SafetensorError, RuntimeError, MemoryError) as error:
            self._give_up(error)
            return
        now = time.monotonic()
        self._next = now + max(_EVERY, _TIMES * (now - began), size / _BYTES)

    def forget(self) -> None:
        """Remove what is kept, of this job and of others in its folder."""
        self._folder.forget_unfinished()

    def _give_up(self, error: Exception) -> None:
        """The job goes on, but how far it was would soon be wrong. First mattes stay: it may have gone on with them."""
        _log.warning("%s: if the job is interrupted, it begins anew", getattr(error, "message", error))
        self._next = None
        with suppress(OSError):
            (self._own / MEMORY).unlink(missing_ok=True)


def identity_of(
    job: PropagationJob, with_: Equipment, truth: Mapping[int, np.ndarray], annotations: Any, folder: MatteFolder
) -> dict:
    """All that the mattes of a job depend on."""
    keyframes = hashlib.sha256(repr(annotations).encode())
    for frame, labels in sorted(truth.items()):
        keyframes.update(f"{frame} {labels.shape}".encode())
        keyframes.update(np.ascontiguousarray(labels))
    return {
        "program": _program(),
        "equipment": with_.identity(),
        "files": _files(with_.reader.files),
        "device": with_.device.type,
        "recipe": with_.recipe.name,
        "numbers": with_.numbers,
        "settings": asdict(job.settings),
        "keyframes": keyframes.hexdigest(),
        "frames": [job.frames.start, job.frames.stop],
        "direction": job.direction,
        "keys": job.keys,
        "adapted": sha256_of(folder.adapted) if job.settings.adapt and folder.adapted.is_file() else None,
    }


def _files(files: tuple[Path, ...]) -> str:
    """Names, sizes and dates of the clip's files."""
    told = hashlib.sha256()
    for path in files:
        try:
            about = path.stat()
            told.update(f"{path.name} {about.st_size} {about.st_mtime_ns}\n".encode())
        except OSError:  # it is told of when it is read
            told.update(f"{path.name} is not there\n".encode())
    return told.hexdigest()


@lru_cache(maxsize=1)
def _program() -> str:
    """The engine's own files and PyTorch: another version may find other mattes."""
    told = hashlib.sha256(torch.__version__.encode())
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        told.update(path.read_bytes())
    return told.hexdigest()
