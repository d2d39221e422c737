"""One object's outlines over time: what they are, and their file, which numpy alone can read."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import OutlinesUnreadable
from .files import atomic_write

_FIELDS = ("frames", "points", "holes", "agreement")


@dataclass(frozen=True)
class Outlines:
    """Closed polygons in fixed slots. A slot keeps its identity over time; all have P points, on all frames.

    Filled by the even-odd rule at pixel centres (`raster.fill`), the polygons of a frame give back its matte
    above 0.5. Seen with y up, outer polygons run counter-clockwise and holes clockwise. Point k of a slot on one
    frame belongs to point k on the next.
    """

    frames: np.ndarray  # (F,) int64 media frames, ascending
    points: np.ndarray  # (F, S, P, 2) float32 pixels of the clip: x right, y down, pixel (0, 0) spans 0..1; NaN: absent
    holes: np.ndarray  # (S,) bool: the slot's polygons are holes
    agreement: np.ndarray  # (F,) float32 IoU of the filled polygons and the matte above 0.5

    def polygons(self, index: int) -> list[np.ndarray]:
        """The polygons (P, 2) that are present on the frame `frames[index]`."""
        points = self.points[index]
        return list(points[np.isfinite(points[:, 0, 0])]) if points.size else []

    @classmethod
    def load(cls, path: Path) -> Outlines:
        """Read what `save_rows` wrote. Raises OutlinesUnreadable."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return cls(**{name: arrays[name] for name in _FIELDS})
        except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
            raise OutlinesUnreadable(f"outlines {path} cannot be read ({error})") from error


def save_rows(
    path: Path,
    frames: Sequence[int],
    holes: Sequence[bool],
    count: int,
    rows: Iterable[tuple[np.ndarray, float]],
) -> list[float]:
    """Write outlines as `.npz`, all or nothing, a frame at a time: its points (S, `count`, 2) float32 and agreement.

    Returns the agreements. Raises DiskFull, FolderNotWritable.
    """
    agreement: list[float] = []
    header = {"descr": "<f4", "fortran_order": False, "shape": (len(frames), len(holes), count, 2)}
    with atomic_write(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("points.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array_header_2_0(member, header)
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
                np.lib.format.write_array(member, array, allow_pickle=False)
    return agreement
