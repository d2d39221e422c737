"""Outlines of one object over time, and their `.npz` file, which can be read with numpy alone."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .arrays import ArrayDamaged, read_npz
from .errors import OutlinesUnreadable
from .files import atomic_write

_FIELDS = ("frames", "points", "holes", "agreement")


@dataclass(frozen=True)
class Outlines:
    """Closed polygons in S slots, with P points each. A slot holds the same outline over time.

    Filling the polygons of a frame by the even-odd rule at pixel centres (`raster.fill`) gives approximately the matte
    above 0.5. Drawn with y up, outer polygons are counter-clockwise and holes clockwise. Point k of a slot on one frame
    corresponds to point k on the next.
    """

    frames: NDArray[np.int64]  # (F,) media frames, ascending
    points: NDArray[np.float32]  # (F, S, P, 2) pixels: x right, y down, pixel (0, 0) spans 0..1; NaN: absent
    holes: NDArray[np.bool_]  # (S,) whether the slot's polygons are holes
    agreement: NDArray[np.float32]  # (F,) IoU of the filled polygons and the matte above 0.5

    def polygons(self, index: int) -> list[NDArray[np.float32]]:
        """Return the polygons (P, 2) on frame `frames[index]`; unused slots are left out."""
        points = self.points[index]
        return list(points[np.isfinite(points[:, 0, 0])]) if points.size else []

    @classmethod
    def load(cls, path: Path) -> Outlines:
        """Read a file written by `save_rows`. Raises OutlinesUnreadable."""
        try:
            arrays = read_npz(path, *_FIELDS)
            frames, slots, *_ = points = arrays["points"].shape
            if points[3:] != (2,) or [arrays[name].shape for name in _FIELDS if name != "points"] != [
                (frames,),
                (slots,),
                (frames,),
            ]:
                raise ArrayDamaged(f"the shape {points} of its points does not fit its other arrays")
            return cls(**arrays)
        except (OSError, ValueError) as error:
            raise OutlinesUnreadable(f"outlines {path} cannot be read ({error})") from error


def save_rows(
    path: Path,
    frames: Sequence[int],
    holes: Sequence[bool],
    count: int,
    rows: Iterable[tuple[NDArray[np.float32], float]],
) -> list[float]:
    """Write outlines to an `.npz` file, atomically and frame by frame; return the agreement of each frame.

    `rows` yields for each of `frames` the points (S, `count`, 2) float32 and their agreement: the IoU with the matte.
    Raises DiskFull, FolderNotWritable.
    """
    agreement: list[float] = []
    header = {"descr": "<f4", "fortran_order": False, "shape": (len(frames), len(holes), count, 2)}
    with atomic_write(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("points.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array_header_2_0(member, header)  # type: ignore[no-untyped-call]
            for points, agreed in rows:
                member.write(points.astype("<f4").tobytes())
                agreement.append(agreed)
        small = {
            "frames": np.array(frames, np.int64),
            "holes": np.array(holes, bool),
            "agreement": np.array(agreement, np.float32),
        }
        for name, array in small.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)  # type: ignore[no-untyped-call]
    return agreement
