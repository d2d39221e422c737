"""Results on disk: mattes joined from both sweeps, the label images in step with them, and outlines."""

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

_MOMENT = 2.0  # seconds that a cancelled job may still take
_TOLD_EVERY = 20  # mattes


class MatteWriter:
    """Mattes on disk: joins the two sweeps of a frame and keeps the label images in step."""

    def __init__(
        self,
        folder: MatteFolder,
        numbers: tuple[int, ...],
        objects: list[int],
        frames: range,
        *,
        first: Callable[[int, int], Path] | None = None,
    ) -> None:
        """`first` keeps a matte, by object and number, as the first sweep left it, and tells where: a run that goes
        on with an interrupted one must not join with what is joined."""
        self._folder = folder
        self._first = first
        self._numbers = numbers
        self._objects = objects
        self._frames = frames
        # Bytes of what this run wrote; files of an earlier run are not joined with.
        self._written = np.zeros((len(frames), len(objects)), np.int64)

    def written(self) -> np.ndarray:
        """(frames, objects) int64: bytes of the mattes that this run wrote."""
        return self._written.copy()

    def go_on(self, written: np.ndarray, first: Callable[[int, int], Path]) -> bool:
        """Take those that an interrupted run wrote as this run's; False if they are not all there any more.

        One that was joined since is there as the first sweep left it.
        """
        if written.shape != self._written.shape:
            return False
        for row, i in np.argwhere(written):
            object_id, number = self._objects[i], self._numbers[self._frames[row]]
            files = self._folder.matte(object_id, number), first(object_id, number)
            if not files[0].is_file() or written[row, i] not in [
                path.stat().st_size for path in files if path.is_file()
            ]:
                return False
        self._written = written.copy()
        return True

    def put(self, matte: Matte) -> None:
        """Write one sweep's matte, joined with what the other sweep wrote before."""
        number, row = self._numbers[matte.frame], matte.frame - self._frames.start
        alphas = np.zeros((len(self._objects), *matte.alpha.shape[1:]), np.float32)
        for i, object_id in enumerate(self._objects):
            path = self._folder.matte(object_id, number)
            fresh = self._written[row, i] > 0
            if object_id in matte.objects:
                at = matte.objects.index(object_id)
                alphas[i], blend_weight = matte.alpha[at], matte.blend_weights[at]
                if fresh and blend_weight < 1:
                    alphas[i] = blend_weight * alphas[i] + (1 - blend_weight) * self._before(object_id, number)
            elif (kept := _matte_there(path, alphas.shape[1:])) is not None:
                alphas[i] = kept  # another sweep's, or an earlier run's that this one does not reach, or not yet
                continue
            write_matte(path, alphas[i])
            self._written[row, i] = path.stat().st_size if object_id in matte.objects else 0
        write_labels(self._folder.labels(number), labels_of(alphas, self._objects))

    def _before(self, object_id: int, number: int) -> np.ndarray:
        """A matte as the first sweep left it."""
        return read_matte(self._first(object_id, number) if self._first else self._folder.matte(object_id, number))

    def put_unread(self, truth: dict[int, np.ndarray], frames: list[int]) -> None:
        """A keyframe stands even where the film cannot be read."""
        for frame in frames:
            if frame in truth:
                alpha = np.stack([truth[frame] == number for number in self._objects]).astype(np.float32)
                self.put(Matte(frame, tuple(self._objects), alpha, (1.0,) * len(self._objects), alpha[:0]))


class ProbabilityFile:
    """What the network gave at the clip's size, as one .npz: for comparing methods, not for artists.

    `probabilities` (frames, objects + 1, H, W) float32, the background first; `frames` media frames in order;
    `objects` ids. Both sweeps of a frame are joined as in its mattes. Frames that were not computed are left out.
    """

    def __init__(self, path: Path, objects: list[int], frames: range, size: tuple[int, int]) -> None:
        self._path = path
        self._objects = objects
        self._frames = frames
        self._done = np.zeros((len(frames), len(objects)), bool)
        shape = (len(frames), 1 + len(objects), *size)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._scratch = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115 (closed by `close`)
            if hasattr(os, "posix_fallocate"):  # a full disk is told now, and does not kill the process later
                os.posix_fallocate(self._scratch.fileno(), 0, 4 * math.prod(shape))
        except OSError as error:
            raise writing_error(path, error) from error
        # On disk: a long clip does not fit into memory.
        self._found = np.memmap(self._scratch, np.float32, "w+", shape=shape)

    def put(self, matte: Matte) -> None:
        """Join one sweep's probabilities with what the other gave before."""
        row = matte.frame - self._frames.start
        if self._done[row].any():
            blend_weight = np.mean(matte.blend_weights)  # of the background, where objects have keyframes of their own
            self._found[row, 0] = blend_weight * matte.probability[0] + (1 - blend_weight) * self._found[row, 0]
        else:
            self._found[row, 0] = matte.probability[0]
        for found, object_id, blend_weight in zip(
            matte.probability[1:], matte.objects, matte.blend_weights, strict=True
        ):
            at = self._objects.index(object_id)
            before = self._found[row, 1 + at] if self._done[row, at] else found
            self._found[row, 1 + at] = blend_weight * found + (1 - blend_weight) * before
            self._done[row, at] = True

    def save(self) -> None:
        """Write the file, all or nothing."""
        rows = np.flatnonzero(self._done.any(1))
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
                shape = (len(rows), len(self._objects) + 1, *self._found.shape[2:])
                header = {"descr": "<f4", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
                for row in rows:
                    file.write(self._found[row].astype("<f4").tobytes())

    def close(self) -> None:
        """Let go of the disk space that this needed."""
        self._scratch.close()


class OutlineTracer:
    """Outlines of the objects, from all their mattes in the folder: those of earlier runs belong to them too."""

    def __init__(
        self,
        folder: MatteFolder,
        numbers: tuple[int, ...],
        objects: list[int],
        size: tuple[int, int],
        tell: Callable[[int, int], None],
    ) -> None:
        """`size` is the clip's (H, W); `tell` is given how many mattes of how many were looked at."""
        self._folder = folder
        self._numbers = numbers
        self._objects = objects
        self._size = size
        self._tell = tell
        self._forgotten = False

    def forget(self) -> None:
        """Remove the outlines of an earlier run, once: they no longer tell of the mattes, which now change."""
        if not self._forgotten:
            for object_id in self._objects:
                with suppress(OSError):  # a run that ends in peace writes over it anyway
                    self._folder.outlines(object_id).unlink()
            self._forgotten = True

    def trace(self, check: Callable[[], None]) -> None:
        """Trace all objects; `check` is called at each matte and may stop it."""
        total = sum(2 * len(self._frames(number)) for number in self._objects)  # each is met twice, seldom thrice
        steps = count()

        def mattes(object_id: int) -> Iterator[tuple[int, np.ndarray]]:
            for frame in self._frames(object_id):
                check()
                if (done := next(steps)) % _TOLD_EVERY == 0:
                    self._tell(min(done, total), total)
                alpha = _matte_there(self._folder.matte(object_id, self._numbers[frame]), self._size)
                if alpha is not None:
                    yield frame, alpha

        for object_id in self._objects:
            write_outlines(self._folder.outlines(object_id), partial(mattes, object_id))

    def trace_shortly(self) -> None:
        """Trace what can be traced in a moment, so that a cancelled run has outlines too if it is short."""
        end = time.monotonic() + _MOMENT

        def check() -> None:
            if time.monotonic() > end:
                raise _Late

        with suppress(_Late, EngineError):
            self.trace(check)

    def _frames(self, object_id: int) -> list[int]:
        there = {path.name for path in self._folder.matte_sequence(object_id).glob("*.png")}
        return [
            frame for frame, number in enumerate(self._numbers) if self._folder.matte(object_id, number).name in there
        ]


def _matte_there(path: Path, size: tuple[int, ...]) -> np.ndarray | None:
    """The matte in a file, if there is a whole one of this size."""
    if not path.exists():
        return None
    try:
        alpha = read_matte(path)
    except MatteUnreadable:
        return None
    return alpha if alpha.shape == size else None


class _Late(Exception):
    """It took too long."""


def labels_of(alphas: np.ndarray, objects: list[int]) -> np.ndarray:
    """(O, H, W) soft alphas -> (H, W) uint8 object ids: the likeliest of the objects and the background."""
    background = np.clip(1 - alphas.sum(0, keepdims=True), 0, 1)
    ids = np.array([0, *objects], np.uint8)
    return ids[np.concatenate([background, alphas]).argmax(0)]
