"""Writers of results: mattes, label images, probabilities and outlines."""

from __future__ import annotations

import math
import os
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np

from ..inference.propagate import Matte
from ..media.label_images import read_matte, write_labels, write_matte
from ..shared.errors import EngineError, MatteUnreadable
from ..shared.files import atomic_write, writing_error
from ..shared.matte_folder import MatteFolder
from .contours import write_outlines

_MAX_SECONDS_AFTER_CANCEL = 2.0  # for tracing outlines
_MATTES_PER_REPORT = 20


class MatteWriter:
    """Writes the mattes of each sweep, blended where two sweeps reach a frame, and the label images made of them."""

    def __init__(
        self,
        folder: MatteFolder,
        numbers: tuple[int, ...],
        objects: list[int],
        frames: range,
        *,
        keep_first: Callable[[int, int], Path] | None = None,
    ) -> None:
        """Set up writing; `keep_first(object_id, number)` copies the first sweep's matte before it is blended.

        It returns the path of the copy. A resumed run needs the copy, since blending a blended matte again would be
        wrong.
        """
        self._folder = folder
        self._keep_first = keep_first
        self._numbers = numbers
        self._objects = objects
        self._frames = frames
        # Bytes written by this run; files of earlier runs are not blended.
        self._written = np.zeros((len(frames), len(objects)), np.int64)

    def written(self) -> np.ndarray:
        """Return the file size in bytes of each matte that this run wrote, 0 if none: (frames, objects) int64."""
        return self._written.copy()

    def adopt(self, written: np.ndarray, first_matte: Callable[[int, int], Path]) -> bool:
        """Take over mattes that an interrupted run wrote, if their file sizes match; else return False.

        If a matte was blended later, its first version is at `first_matte(object_id, number)`.
        """
        if written.shape != self._written.shape:
            return False
        for row, i in np.argwhere(written):
            object_id, number = self._objects[i], self._numbers[self._frames[row]]
            files = self._folder.matte(object_id, number), first_matte(object_id, number)
            if not files[0].is_file() or written[row, i] not in [
                path.stat().st_size for path in files if path.is_file()
            ]:
                return False
        self._written = written.copy()
        return True

    def write(self, matte: Matte) -> None:
        """Write the mattes of one frame and sweep, blended with those of the other sweep if already written."""
        number, row = self._numbers[matte.frame], matte.frame - self._frames.start
        alphas = np.zeros((len(self._objects), *matte.alpha.shape[1:]), np.float32)
        for i, object_id in enumerate(self._objects):
            path = self._folder.matte(object_id, number)
            has_first = self._written[row, i] > 0
            if object_id in matte.objects:
                index = matte.objects.index(object_id)
                alphas[i], blend_weight = matte.alpha[index], matte.blend_weights[index]
                if has_first and blend_weight < 1:
                    alphas[i] = blend_weight * alphas[i] + (1 - blend_weight) * self._read_first(object_id, number)
            elif (existing := _read_existing(path, alphas.shape[1:])) is not None:
                alphas[i] = existing  # of the other sweep, or of an earlier run, for an object that this matte lacks
                continue
            write_matte(path, alphas[i])
            self._written[row, i] = path.stat().st_size if object_id in matte.objects else 0
        write_labels(self._folder.labels(number), labels_from_alphas(alphas, self._objects))

    def _read_first(self, object_id: int, number: int) -> np.ndarray:
        """Read the first sweep's matte of an object, keeping a copy of it if `keep_first` is set."""
        path = self._keep_first(object_id, number) if self._keep_first else self._folder.matte(object_id, number)
        return read_matte(path)

    def write_unreadable_keyframes(self, truth: dict[int, np.ndarray], frames: list[int]) -> None:
        """Write the keyframe masks in `truth` as mattes of those `frames` whose images cannot be read."""
        for frame in frames:
            if frame in truth:
                alpha = np.stack([truth[frame] == number for number in self._objects]).astype(np.float32)
                self.write(Matte(frame, tuple(self._objects), alpha, (1.0,) * len(self._objects), alpha[:0]))


class ProbabilityFile:
    """File of all predicted probabilities at the clip's size (.npz), for comparing methods.

    Its arrays are `probabilities` (frames, objects + 1, H, W) float32, background first; `frames`, the media frames in
    order; and `objects`, the ids. Two sweeps of a frame are blended like mattes. Frames that were not computed are left
    out.
    """

    def __init__(self, path: Path, objects: list[int], frames: range, size: tuple[int, int]) -> None:
        self._path = path
        self._objects = objects
        self._frames = frames
        self._is_written = np.zeros((len(frames), len(objects)), bool)
        shape = (len(frames), 1 + len(objects), *size)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._scratch = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115 (closed by `close`)
            # Reserve the space now: on a full disk, writing to a mapped sparse file would end the process (SIGBUS).
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self._scratch.fileno(), 0, 4 * math.prod(shape))
        except OSError as error:
            raise writing_error(path, error) from error
        # on disk, since a long clip does not fit into memory
        self._probabilities = np.memmap(self._scratch, np.float32, "w+", shape=shape)

    def add(self, matte: Matte) -> None:
        """Add the probabilities of one frame and sweep, blended with those of the other sweep if present."""
        row = matte.frame - self._frames.start
        if self._is_written[row].any():
            weight = np.mean(matte.blend_weights)  # weights of objects differ if their keyframes do
            self._probabilities[row, 0] = weight * matte.probability[0] + (1 - weight) * self._probabilities[row, 0]
        else:
            self._probabilities[row, 0] = matte.probability[0]
        for new, object_id, blend_weight in zip(matte.probability[1:], matte.objects, matte.blend_weights, strict=True):
            index = self._objects.index(object_id)
            old = self._probabilities[row, 1 + index] if self._is_written[row, index] else new
            self._probabilities[row, 1 + index] = blend_weight * new + (1 - blend_weight) * old
            self._is_written[row, index] = True

    def save(self) -> None:
        """Write the file atomically. Raises DiskFull, FolderNotWritable."""
        rows = np.flatnonzero(self._is_written.any(1))
        with (
            atomic_write(self._path) as part,
            zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        ):
            for name, array in (
                ("frames", self._frames.start + rows),
                ("objects", np.array(self._objects)),
            ):
                with archive.open(f"{name}.npy", "w") as file:
                    np.lib.format.write_array(file, array)
            with archive.open("probabilities.npy", "w", force_zip64=True) as file:
                shape = (len(rows), len(self._objects) + 1, *self._probabilities.shape[2:])
                header = {"descr": "<f4", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
                for row in rows:
                    file.write(self._probabilities[row].astype("<f4").tobytes())

    def close(self) -> None:
        """Delete the temporary file that holds the probabilities until they are saved."""
        self._scratch.close()


class OutlineTracer:
    """Traces the outlines of all objects from the mattes in the folder, also those that earlier runs wrote."""

    def __init__(
        self,
        folder: MatteFolder,
        numbers: tuple[int, ...],
        objects: list[int],
        size: tuple[int, int],
        report: Callable[[int, int], None],
    ) -> None:
        """Set up tracing; `size` is the clip's (H, W). `report(done, total)` reports progress, in mattes."""
        self._folder = folder
        self._numbers = numbers
        self._objects = objects
        self._size = size
        self._report = report
        self._outdated_removed = False

    def remove_outdated(self) -> None:
        """Remove the outline files of an earlier run, outdated once a matte changes; later calls do nothing."""
        if not self._outdated_removed:
            for object_id in self._objects:
                with suppress(OSError):  # a completed run overwrites the file anyway
                    self._folder.outlines(object_id).unlink()
            self._outdated_removed = True

    def trace(self, check: Callable[[], None]) -> None:
        """Trace all objects; `check` is called before each matte and may raise to stop."""
        total = sum(2 * len(self._frames(number)) for number in self._objects)  # usually two passes, rarely three
        steps = count()

        def mattes(object_id: int) -> Iterator[tuple[int, np.ndarray]]:
            for frame in self._frames(object_id):
                check()
                if (done := next(steps)) % _MATTES_PER_REPORT == 0:
                    self._report(min(done, total), total)
                alpha = _read_existing(self._folder.matte(object_id, self._numbers[frame]), self._size)
                if alpha is not None:
                    yield frame, alpha

        for object_id in self._objects:
            write_outlines(self._folder.outlines(object_id), partial(mattes, object_id))

    def trace_briefly(self) -> None:
        """Trace for at most `_MAX_SECONDS_AFTER_CANCEL`, so that a cancelled run of few frames has outlines too."""
        end = time.monotonic() + _MAX_SECONDS_AFTER_CANCEL

        def check() -> None:
            if time.monotonic() > end:
                raise _TimeLimitExceeded

        with suppress(_TimeLimitExceeded, EngineError):
            self.trace(check)

    def _frames(self, object_id: int) -> list[int]:
        """List the media frames for which the object has a matte file."""
        names = {path.name for path in self._folder.matte_sequence(object_id).glob("*.png")}
        return [
            frame for frame, number in enumerate(self._numbers) if self._folder.matte(object_id, number).name in names
        ]


def _read_existing(path: Path, size: tuple[int, ...]) -> np.ndarray | None:
    """Read a matte; None if the file is missing, damaged or of another size."""
    if not path.exists():
        return None
    try:
        alpha = read_matte(path)
    except MatteUnreadable:
        return None
    return alpha if alpha.shape == size else None


class _TimeLimitExceeded(Exception):
    """Raised to stop tracing at its time limit."""


def labels_from_alphas(alphas: np.ndarray, objects: list[int]) -> np.ndarray:
    """Convert soft alphas (O, H, W) to object ids (H, W) uint8 by argmax over background and objects."""
    background = np.clip(1 - alphas.sum(0, keepdims=True), 0, 1)
    ids = np.array([0, *objects], np.uint8)
    return ids[np.concatenate([background, alphas]).argmax(0)]
