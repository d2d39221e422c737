"""How far an unfinished job is, kept beside its mattes, so that the same job goes on there instead of anew."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from . import checkpoints
from .equipment import Equipment
from .errors import EngineError
from .matte_folder import MatteFolder, replacing
from .types import PropagationJob
from .walk import Point

_log = logging.getLogger(__name__)
_EVERY = 5.0  # seconds between two that are written
_TIMES = 20  # as long as writing the last one took, at least
_WRITTEN = "written"  # a tensor beside those of the walk
_MOST = 512 << 20  # bytes: a memory that holds more is not kept


@dataclass(frozen=True)
class Since:
    """Where a job goes on."""

    point: Point
    done: int  # steps
    written: np.ndarray  # (frames, objects) bool: mattes that it has written
    failed: dict[int, str]  # media frames that could not be read, and why


class Unfinished:
    """What is kept of one job in its matte folder. `identity` is all that its mattes depend on."""

    def __init__(self, folder: MatteFolder, identity: dict) -> None:
        self._identity = json.dumps(identity, sort_keys=True, default=str)
        self._every = folder.unfinished
        self._own = folder.unfinished / hashlib.sha256(self._identity.encode()).hexdigest()[:16]
        self._file = self._own / "memory.safetensors"
        self._next = time.monotonic() + _EVERY

    def first(self, object_id: int, number: int) -> Path:
        """File of an object's matte as the first of two sweeps left it."""
        return self._own / f"{object_id:03d}" / f"{number:06d}.png"

    def since(self) -> Since | None:
        """Where the same job was interrupted, if it was; what another left is removed."""
        try:
            about = checkpoints.metadata(self._file) if self._file.is_file() else {}
            if about.get("identity") == self._identity:
                told = json.loads(about["told"])
                tensors = checkpoints.read(self._file)
                written = tensors.pop(_WRITTEN).numpy()
                point = Point(told["sweep"], told["frame"], told["held"], tensors)
                return Since(point, told["done"], written, {int(frame): why for frame, why in told["failed"].items()})
        except (EngineError, ValueError, KeyError, TypeError) as error:
            _log.warning("%s: it is not gone on from there", error)
        self.forget()
        return None

    def due(self) -> bool:
        """Whether it is time for another to be written; once, until it is."""
        if time.monotonic() < self._next:
            return False
        self._next = math.inf
        return True

    def keep(self, point: Point, done: int, written: Callable[[], np.ndarray], failed: Mapping[int, str]) -> None:
        """Write how far it is, where there is space and memory is not too large for that; the job is done anyway."""
        began = time.monotonic()
        if sum(tensor.nbytes for tensor in point.tensors.values()) > _MOST:
            _log.info("memory holds too much to be kept: if the job is interrupted, it begins anew")
        else:
            told = {
                "sweep": point.sweep,
                "frame": point.frame,
                "held": point.held,
                "done": done,
                "failed": dict(failed),
            }
            try:
                tensors = {name: tensor.cpu().contiguous().clone() for name, tensor in point.tensors.items()}
                tensors[_WRITTEN] = torch.from_numpy(written())
                with replacing(self._file) as part:
                    save_file(tensors, part, metadata={"identity": self._identity, "told": json.dumps(told)})
            except EngineError as error:
                _log.warning("%s: the job could not be gone on with if it were interrupted", error.message)
            now = time.monotonic()
            self._next = now + max(_EVERY, _TIMES * (now - began))

    def forget(self) -> None:
        """Remove what is kept."""
        shutil.rmtree(self._every, ignore_errors=True)


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
        "adapted": _hash(folder.adapted) if job.settings.adapt and folder.adapted.is_file() else None,
    }


def _files(files: tuple[Path, ...]) -> str:
    """Names, sizes and dates of the clip's files."""
    told = hashlib.sha256()
    for path in files:
        about = path.stat()
        told.update(f"{path.name} {about.st_size} {about.st_mtime_ns}\n".encode())
    return told.hexdigest()


@lru_cache(maxsize=1)
def _program() -> str:
    """The engine's own files and PyTorch: another version may find other mattes."""
    told = hashlib.sha256(torch.__version__.encode())
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        told.update(path.read_bytes())
    return told.hexdigest()


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
