"""File of the network's probabilities, for comparing methods."""

from __future__ import annotations

import math
import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from ..inference.mattes import Matte
from ..shared.files import atomic_write, writing_error
from .fusion import fuse


class ProbabilityFile:
    """File of all predicted probabilities at the clip's size (.npz), for comparing methods.

    Its arrays are `probabilities` (frames, objects + 1, H, W) float32, background first; `frames`, the media frames in
    order; and `objects`, the ids. Two sweeps of a frame are fused like mattes. Frames that were not computed are left
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
        """Add the probabilities of one frame and sweep, fused with those of the other sweep if present."""
        row = matte.frame - self._frames.start
        if self._is_written[row].any():
            weight = float(np.mean(matte.blend_weights))  # weights of objects differ if their keyframes do
            self._probabilities[row, 0] = fuse(self._probabilities[row, 0], matte.probability[0], weight)
        else:
            self._probabilities[row, 0] = matte.probability[0]
        for new, object_id, blend_weight in zip(matte.probability[1:], matte.objects, matte.blend_weights, strict=True):
            index = self._objects.index(object_id)
            old = self._probabilities[row, 1 + index] if self._is_written[row, index] else new
            self._probabilities[row, 1 + index] = fuse(old, new, blend_weight)
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
