"""Checkpoints of an unfinished job, kept beside its mattes, so that the same job resumes instead of restarting."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from ..checkpoints import loading
from ..checkpoints.download import sha256_of
from ..inference.propagate import PropagationState
from ..inference.sweeps import ObjectGroup
from ..shared.errors import EngineError
from ..shared.files import atomic_write
from ..shared.matte_folder import MEMORY, MatteFolder
from ..shared.types import PropagationJob
from .setup import JobContext

_log = logging.getLogger(__name__)
_WRITTEN = "written"  # name of the tensor with the sizes of written mattes
_MIN_SECONDS = 5.0  # between two checkpoints
_MIN_COST_RATIO = 20  # between two checkpoints: at least this many times what writing the last one took
_MAX_BYTES_PER_SECOND = 2 << 20
_MAX_BYTES = 256 << 20  # a larger state is not kept


@dataclass(frozen=True)
class ResumePoint:
    """Where a job resumes."""

    state: PropagationState
    done: int  # steps
    written: np.ndarray  # (frames, objects) int64: sizes in bytes of the mattes written so far
    readable: frozenset[int]  # keyframes whose images could be read
    failed: dict[int, str]  # media frames that could not be read, and why


class JobCheckpoint:
    """The checkpoint of one job in its matte folder. `identity` is all that its mattes depend on."""

    def __init__(self, folder: MatteFolder, identity: dict) -> None:
        """Name the checkpoint by `identity`; nothing is written yet."""
        self._identity = json.dumps(identity, sort_keys=True, default=str)
        self._folder = folder
        self._own = folder.unfinished / hashlib.sha256(self._identity.encode()).hexdigest()[:16]
        self._next: float | None = time.monotonic() + _MIN_SECONDS  # None: no more checkpoints

    def place_of_first(self, object_id: int, number: int) -> Path:
        """File of an object's matte as the first of two sweeps left it; it may not exist."""
        return self._own / f"{object_id:03d}" / f"{number:06d}.png"

    def first(self, object_id: int, number: int) -> Path:
        """Keep an object's matte as the first sweep left it, and return its file; the matte's own if that fails."""
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

    def load(self) -> ResumePoint | None:
        """Read where the same job was interrupted; None if it was not, or if the checkpoint is damaged."""
        file = self._own / MEMORY
        try:
            metadata = loading.metadata(file) if file.is_file() else {}
            if metadata.get("identity") == self._identity:
                progress = json.loads(metadata["progress"])
                # Not mapped: on Windows a mapped file cannot be replaced. Cloned: the bytes are read-only.
                tensors = {name: tensor.clone() for name, tensor in load(file.read_bytes()).items()}
                written = tensors.pop(_WRITTEN).numpy()
                return ResumePoint(
                    PropagationState(progress["sweep"], progress["frame"], progress["trackers"], tensors),
                    progress["done"],
                    written,
                    frozenset(progress["readable"]),
                    {int(frame): reason for frame, reason in progress["failed"].items()},
                )
        except (EngineError, SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            _log.warning("%s: the job starts again", error)
        return None

    def restart_reason(self, *, resumable: bool) -> str:
        """Why a job that does not resume starts again, in a sentence; empty if nothing was interrupted here."""
        if self._own.is_dir() and not resumable:
            return "Starting again: the probabilities that the interrupted run computed were not kept"
        if self._own.is_dir():
            return "Starting again: files of the interrupted run are missing or damaged, or other frames can be read"
        if any(self._folder.unfinished_jobs()):
            return "Starting again: the interrupted run had other settings, keyframes or another version of Keymatte"
        return ""

    def due(self) -> bool:
        """Whether it is time for the next checkpoint; true once, until that is written."""
        if self._next is None or time.monotonic() < self._next:
            return False
        self._next = math.inf
        return True

    def save(
        self,
        state: PropagationState,
        done: int,
        written: Callable[[], np.ndarray],
        readable: Iterable[int],
        failed: Mapping[int, str],
    ) -> None:
        """Write a checkpoint, unless the state is too large or the disk is full; the job goes on either way."""
        began, size = time.monotonic(), sum(tensor.nbytes for tensor in state.tensors.values())
        if self._next is None:
            return
        if size > _MAX_BYTES:
            _log.info("memory is too large for checkpoints: if the job is interrupted, it resumes from the last one")
            return
        progress = {
            "sweep": state.sweep,
            "frame": state.frame,
            "trackers": state.trackers,
            "done": done,
            "readable": sorted(readable),
            "failed": dict(failed),
        }
        try:
            tensors = {name: tensor.cpu().contiguous().clone() for name, tensor in state.tensors.items()}
            tensors[_WRITTEN] = torch.from_numpy(written())
            with atomic_write(self._own / MEMORY) as part:
                metadata = {"identity": self._identity, "progress": json.dumps(progress)}
                part.write_bytes(save(tensors, metadata=metadata))
        except (EngineError, SafetensorError, RuntimeError, MemoryError) as error:
            self._give_up(error)
            return
        now = time.monotonic()
        self._next = now + max(_MIN_SECONDS, _MIN_COST_RATIO * (now - began), size / _MAX_BYTES_PER_SECOND)

    def forget(self) -> None:
        """Remove the checkpoints in the job's folder, this job's and others'."""
        self._folder.forget_unfinished()

    def _give_up(self, error: Exception) -> None:
        """Stop writing checkpoints; an old one would soon be wrong. First mattes stay: the job may need them."""
        message = error.message if isinstance(error, EngineError) else error
        _log.warning("%s: if the job is interrupted, it starts again", message)
        self._next = None
        with suppress(OSError):
            (self._own / MEMORY).unlink(missing_ok=True)


def identity_of(
    job: PropagationJob,
    context: JobContext,
    truth: Mapping[int, np.ndarray],
    groups: Sequence[ObjectGroup],
    folder: MatteFolder,
) -> dict:
    """All that the mattes of a job depend on."""
    keyframes = hashlib.sha256(repr(tuple(groups)).encode())
    for frame, labels in sorted(truth.items()):
        keyframes.update(f"{frame} {labels.shape}".encode())
        keyframes.update(np.ascontiguousarray(labels))
    return {
        "program": _program(),
        "context": context.identity(),
        "files": _files(context.reader.files),
        "device": context.device.type,
        "recipe": context.recipe.name,
        "numbers": context.numbers,
        "settings": asdict(job.settings),
        "keyframes": keyframes.hexdigest(),
        "frames": [job.frames.start, job.frames.stop],
        "direction": job.direction,
        "keys": job.keys,
        "adapted": sha256_of(folder.adapted) if job.settings.adapt and folder.adapted.is_file() else None,
    }


def _files(files: tuple[Path, ...]) -> str:
    """Hash the names, sizes and dates of the clip's files."""
    digest = hashlib.sha256()
    for path in files:
        try:
            status = path.stat()
            digest.update(f"{path.name} {status.st_size} {status.st_mtime_ns}\n".encode())
        except OSError:  # reported when the frame is read
            digest.update(f"{path.name} is missing\n".encode())
    return digest.hexdigest()


@lru_cache(maxsize=1)
def _program() -> str:
    """Hash the engine's own files and PyTorch's version, since another version may compute other mattes."""
    digest = hashlib.sha256(torch.__version__.encode())
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
