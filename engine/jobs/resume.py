"""Checkpoints in the matte folder, from which an interrupted job resumes when it is started again."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from ..checkpoints.download import sha256_of
from ..inference.mattes import PropagationState
from ..output.exclusions import hash_exclusions
from ..shared.errors import EngineError
from ..shared.files import link_or_copy
from ..shared.matte_folder import EARLIER_FOLDER, MatteFolder
from ..shared.types import PropagationJob
from .checkpoint_files import CheckpointFiles
from .plan import JobPlan
from .program import hash_program
from .setup import JobContext

_log = logging.getLogger(__name__)
_WRITTEN = "written"  # name of the tensor with the sizes of written mattes
_MIN_SECONDS = 1.0  # between two checkpoints
_MIN_COST_RATIO = 20  # between two checkpoints: at least this many times the processor time of writing the last one
_MIN_WAIT_RATIO = 2  # the same for the time that writing took, which is mostly that of the disk
_MAX_BYTES_PER_SECOND = 16 << 20
_MAX_BYTES = 1 << 30  # a larger state is not kept


@dataclass(frozen=True)
class ResumePoint:
    """Content of a checkpoint: the state from which the job resumes."""

    state: PropagationState
    done: int  # steps
    written: NDArray[np.int64]  # (frames, objects) int64: sizes in bytes of the mattes written so far
    readable: frozenset[int]  # keyframes whose images could be read
    failed: dict[int, str]  # media frames that could not be read, and why


class JobCheckpoint:
    """Writes and reads the checkpoint of one job; `identity` is everything that the job's mattes depend on."""

    def __init__(self, folder: MatteFolder, identity: dict[str, Any]) -> None:
        """Derive the name of the checkpoint's folder from `identity`; nothing is written."""
        self._identity = json.dumps(identity, sort_keys=True, default=str)
        self._folder = folder
        self._job_folder = folder.unfinished / hashlib.sha256(self._identity.encode()).hexdigest()[:16]
        self._files = CheckpointFiles(self._job_folder)
        self._next: float | None = time.monotonic() + _MIN_SECONDS  # None: no more checkpoints

    @property
    def job(self) -> str:
        """Return a hash of everything that the job's mattes depend on."""
        return self._job_folder.name

    def first_matte_path(self, object_id: int, number: int) -> Path:
        """Return where the first sweep's matte of an object is kept; the file may not exist."""
        return self._job_folder / f"{object_id:03d}" / f"{number:06d}.png"

    def keep_first_matte(self, object_id: int, number: int) -> Path:
        """Keep a copy of the first sweep's matte of an object before it is fused with the second sweep's.

        Returns the path of the copy, or of the matte itself if it cannot be copied.
        """
        matte, kept = self._folder.matte(object_id, number), self.first_matte_path(object_id, number)
        if kept.is_file():
            return kept
        if self._next is None:
            return matte
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(matte, kept)
        except (OSError, EngineError) as error:
            self._give_up(error)
            return matte
        return kept

    def keep_earlier_matte(self, object_id: int, number: int) -> Path | None:
        """Keep the matte that an object had before this job, which is about to be replaced, until the job has ended.

        Returns the path of the copy; None if there is no matte, or if it cannot be copied.
        """
        matte = self._folder.matte(object_id, number)
        kept = self._job_folder / EARLIER_FOLDER / matte.parent.name / matte.name
        try:
            if not kept.is_file():
                kept.parent.mkdir(parents=True, exist_ok=True)
                link_or_copy(matte, kept)
        except (OSError, EngineError) as error:
            _log.info("%s cannot be kept: %s", matte, error)
            return None
        return kept

    def load(self) -> ResumePoint | None:
        """Read the checkpoint of this job; None if there is none, or if it is damaged in any way."""
        if not self._files.main.is_file():
            return None
        try:
            about, tensors = self._files.read()
            if about["identity"] != self._identity:
                return None
            progress = json.loads(about["progress"])
            written = tensors.pop(_WRITTEN).numpy()
            return ResumePoint(
                PropagationState(
                    progress["sweep"],
                    progress["frame"],
                    progress["trackers"],
                    tensors,
                    {int(side): frame for side, frame in progress["ended"].items()},
                    progress["agreeing"],
                ),
                progress["done"],
                written,
                frozenset(progress["readable"]),
                {int(frame): reason for frame, reason in progress["failed"].items()},
            )
        except Exception as error:  # a damaged file can cause any
            _log.warning("%s cannot be used (%r): the job starts again", self._files.main, error)
        return None

    def restart_reason(self, *, resumable: bool) -> str:
        """Return why an interrupted job starts again instead of resuming; empty if no job was interrupted."""
        if self._job_folder.is_dir() and not resumable:
            return "Starting again: the probabilities that the interrupted run computed were not kept"
        if self._job_folder.is_dir():
            return "Starting again: files of the interrupted run are missing or damaged, or other frames can be read"
        if any(self._folder.unfinished_jobs()):
            return "Starting again: the interrupted run had other settings, keyframes or another version of Keymatte"
        return ""

    def due(self) -> bool:
        """Return whether it is time for the next checkpoint; after that, false until `save` has written one."""
        if self._next is None or time.monotonic() < self._next:
            return False
        self._next = math.inf
        return True

    def save(
        self,
        state: PropagationState,
        done: int,
        written: Callable[[], NDArray[np.int64]],
        readable: Iterable[int],
        failed: Mapping[int, str],
    ) -> None:
        """Write a checkpoint, unless the state is too large; if writing fails, the job goes on without checkpoints."""
        if self._next is None:
            return
        if sum(tensor.nbytes for tensor in state.tensors.values()) > _MAX_BYTES:
            _log.info("memory is too large for checkpoints: if the job is interrupted, it resumes from the last one")
            return
        began, began_computing = time.monotonic(), time.thread_time()
        progress = {
            "sweep": state.sweep,
            "frame": state.frame,
            "trackers": state.trackers,
            "ended": state.ended,
            "agreeing": state.agreeing,
            "done": done,
            "readable": sorted(readable),
            "failed": dict(failed),
        }
        try:
            about = {"identity": self._identity, "progress": json.dumps(progress)}
            size = self._files.write(about, {**state.tensors, _WRITTEN: torch.from_numpy(written())})
        except (EngineError, SafetensorError, RuntimeError, MemoryError) as error:
            self._give_up(error)
            return
        now, computing = time.monotonic(), time.thread_time() - began_computing
        waits = _MIN_SECONDS, _MIN_COST_RATIO * computing, _MIN_WAIT_RATIO * (now - began), size / _MAX_BYTES_PER_SECOND
        self._next = began + max(waits)

    def remove(self) -> None:
        """Remove the checkpoints of all jobs in the matte folder."""
        self._folder.remove_unfinished()

    def _give_up(self, error: Exception) -> None:
        """Write no more checkpoints, and remove the last one, which would soon be outdated; copies of mattes stay."""
        message = error.message if isinstance(error, EngineError) else error
        _log.warning("%s: if the job is interrupted, it starts again", message)
        self._next = None
        with suppress(OSError):
            self._files.main.unlink(missing_ok=True)


def job_identity(
    job: PropagationJob,
    context: JobContext,
    plan: JobPlan,
    folder: MatteFolder,
) -> dict[str, Any]:
    """Return everything that the mattes of a job depend on."""
    keyframes = hashlib.sha256(repr(plan.groups).encode())
    for frame, labels in sorted(plan.truth.items()):
        keyframes.update(f"{frame} {labels.shape}".encode())
        keyframes.update(np.ascontiguousarray(labels).data)
        for number, soft in sorted(plan.soft.get(frame, {}).items()):
            keyframes.update(f"{number} {len(soft.places)}".encode())
            keyframes.update(soft.places.data)
            keyframes.update(soft.values.data)
    return {
        "program": hash_program(),
        "context": context.identity(),
        "files": _hash_files(context.reader.files),
        "device": context.device.type,
        "recipe": context.recipe.name,
        "numbers": context.numbers,
        "settings": asdict(job.settings),
        "keyframes": keyframes.hexdigest(),
        "exclusions": hash_exclusions(job.exclusions),
        "frames": [job.frames.start, job.frames.stop],
        "direction": job.direction,
        "sections": [[one.frames.start, one.frames.stop, one.away] for one in plan.sections],
        "early_end": asdict(job.early_end),
        "locks": job.locks,
        "stabilization": job.stabilization,
        "crop": job.crop,
        "is_part": job.is_part,
        "cuts": plan.cuts,
        "use": hashlib.sha256(plan.use.description().encode()).hexdigest(),
        "keys": job.keys,
        "adapted": sha256_of(folder.adapted) if job.settings.adapt and folder.adapted.is_file() else None,
    }


def _hash_files(files: tuple[Path, ...]) -> str:
    """Return a hash of the names, sizes and dates of the clip's files."""
    digest = hashlib.sha256()
    for path in files:
        try:
            status = path.stat()
            digest.update(f"{path.name} {status.st_size} {status.st_mtime_ns}\n".encode())
        except OSError:  # reported when the frame is read
            digest.update(f"{path.name} is missing\n".encode())
    return digest.hexdigest()
