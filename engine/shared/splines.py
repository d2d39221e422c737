"""Bezier splines of one object over time, and their `.npz` file, which can be read with numpy alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .arrays import ArrayDamaged, read_npz
from .errors import SplinesUnreadable
from .files import atomic_write

_FIELDS = ("tracks", "keys", "points", "feathers", "corners", "errors")
_COLUMNS = 6  # of the table of tracks: part, hole, first and last frame, numbers of keys and points


@dataclass(frozen=True)
class SplineTrack:
    """A closed cubic Bezier spline of K points that outlines one part or one hole of an object over a range of frames.

    Point k is at the same place of the object on all frames. Between keys all coordinates are interpolated linearly, as
    Blender does. Drawn with y up, parts are counter-clockwise and holes clockwise.

    Blender keys all splines of a mask layer at once. The tracks of a part, which belong in one layer, have the same
    keys therefore, as far as each is visible there, and keys on their own first and last frames.
    """

    part: int  # tracks of one number are a part and its holes; 0 is the part with the largest area over all frames
    hole: bool
    first: int  # media frames on which the spline is visible, from the first to the last
    last: int
    keys: NDArray[np.int64]  # (N,) media frames, ascending, from `first` to `last`
    points: NDArray[np.float32]  # (N, K, 3, 2): left handle, point and right handle in pixels, x right, y down
    feather: NDArray[np.float32]  # (N, K) pixels: width of the soft edge there, from alpha 0.1 to 0.9; 0: hard
    corners: NDArray[np.bool_]  # (K,) whether the handles are free; else they are in line, at a constant ratio
    error: NDArray[np.float32]  # (last - first + 1, 2) pixels: mean and 95th percentile of the distance to the outline

    def at(self, frame: int) -> NDArray[np.float64] | None:
        """Return the points (K, 3, 2) on a media frame, interpolated between keys; None if the spline is hidden."""
        return self._between(self.points, frame) if self.first <= frame <= self.last else None

    def feather_at(self, frame: int) -> NDArray[np.float64]:
        """Return the feather (K,) on a media frame, interpolated between keys."""
        return self._between(self.feather, frame)

    def _between(self, values: NDArray[np.float32], frame: int) -> NDArray[np.float64]:
        after = min(int(np.searchsorted(self.keys, frame)), len(self.keys) - 1)
        before = max(after - 1, 0)
        part = (frame - int(self.keys[before])) / max(int(self.keys[after] - self.keys[before]), 1)
        start, end = (values[index].astype(np.float64) for index in (before, after))
        return np.asarray(start + min(max(part, 0.0), 1.0) * (end - start), np.float64)


def flatten(points: NDArray[np.float64], steps: int = 16) -> NDArray[np.float64]:
    """Return a spline (K, 3, 2) as a polygon (K * `steps`, 2)."""
    following = np.roll(points, -1, axis=0)
    controls = np.stack([points[:, 1], points[:, 2], following[:, 0], following[:, 1]])  # (4, K, 2)
    share = np.arange(steps) / steps
    weights = np.stack([(1 - share) ** 3, 3 * share * (1 - share) ** 2, 3 * share**2 * (1 - share), share**3])
    return np.asarray(np.einsum("cs,ckd->ksd", weights, controls).reshape(-1, 2), np.float64)


def save_splines(path: Path, tracks: Sequence[SplineTrack]) -> None:
    """Write an object's splines to an `.npz` file, atomically. Raises DiskFull, FolderNotWritable."""
    rows = [(t.part, t.hole, t.first, t.last, len(t.keys), len(t.corners)) for t in tracks]
    arrays = {
        "tracks": np.array(rows, np.int64).reshape(-1, _COLUMNS),
        "keys": _joined([t.keys for t in tracks], np.int64),
        "points": _joined([t.points.reshape(-1, 3, 2) for t in tracks], np.float32, (3, 2)),
        "feathers": _joined([t.feather.ravel() for t in tracks], np.float32),
        "corners": _joined([t.corners for t in tracks], bool),
        "errors": _joined([t.error for t in tracks], np.float32, (2,)),
    }
    with atomic_write(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load_splines(path: Path) -> list[SplineTrack]:
    """Read a file written by `save_splines`. Raises SplinesUnreadable."""
    try:
        arrays = read_npz(path, *_FIELDS)
        rows = arrays["tracks"]
        if rows.ndim != 2 or rows.shape[1] != _COLUMNS or (rows < 0).any() or (rows[:, 4:] < 1).any():
            raise ArrayDamaged("its table of tracks is damaged")
        firsts, lasts, counts, widths = rows[:, 2:].T
        sizes = {
            "keys": (counts, ()),
            "points": (counts * widths, (3, 2)),
            "feathers": (counts * widths, ()),
            "corners": (widths, ()),
            "errors": (lasts - firsts + 1, (2,)),
        }
        for name, (lengths, shape) in sizes.items():
            if arrays[name].shape != (lengths.sum(), *shape):
                raise ArrayDamaged(f"the shape {arrays[name].shape} of its {name} does not fit its table of tracks")
        pieces = {name: np.split(arrays[name], np.cumsum(lengths)[:-1]) for name, (lengths, _) in sizes.items()}
        return [
            SplineTrack(
                part,
                bool(hole),
                first,
                last,
                pieces["keys"][index],
                pieces["points"][index].reshape(count, width, 3, 2),
                pieces["feathers"][index].reshape(count, width),
                pieces["corners"][index],
                pieces["errors"][index],
            )
            for index, (part, hole, first, last, count, width) in enumerate(rows.tolist())
        ]
    except (OSError, ValueError) as error:
        raise SplinesUnreadable(f"splines {path} cannot be read ({error})") from error


def _joined(arrays: Sequence[NDArray[np.generic]], kind: type, shape: tuple[int, ...] = ()) -> NDArray[np.generic]:
    """Concatenate arrays along their first axis; of none, return an empty array with the given further axes."""
    return np.concatenate(arrays).astype(kind) if arrays else np.empty((0, *shape), kind)
