"""Vectorisation of mattes: outlines with constant identity and point count over time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..shared.outlines import save_rows
from .raster import fill, signed_area
from .tracing import spread, trace

AGREEMENT = 0.985  # minimum IoU of filled outlines and matte, which sets the number of points
_COUNTS = (32, 64, 128, 256, 512)
_SPECK = 12  # pixels: larger outlines are never dropped
_DUST = 0.004  # maximum share of a matte's pixels dropped as specks
_RESUMED = 0.5  # similarity factor of slots unused on the previous frame
_NEAR = 0.01  # maximum similarity of nearby regions without overlap

Mattes = Callable[[], Iterable[tuple[int, np.ndarray]]]


@dataclass(frozen=True)
class _Region:
    """Outline with the pixels enclosed by it, holes included."""

    ring: np.ndarray  # (N, 2) float32
    hole: bool
    left: int  # position of `pixels`
    top: int
    pixels: np.ndarray  # (h, w) bool

    @classmethod
    def of(cls, ring: np.ndarray) -> _Region:
        left, top = (int(edge) for edge in np.floor(ring.min(axis=0)))
        width, height = (int(edge) for edge in np.ceil(ring.max(axis=0)) - (left, top))
        pixels = fill([ring - (left, top)], width, height) > 0
        return cls(ring, signed_area(ring) < 0, left, top, pixels)

    def likeness(self, other: _Region) -> float:
        """Return the IoU; for disjoint regions of similar size, a small score that falls with their distance."""
        left, top = max(self.left, other.left), max(self.top, other.top)
        mine, its = (region.pixels[top - region.top :, left - region.left :] for region in (self, other))
        height, width = np.minimum(mine.shape, its.shape)
        shared = int((mine[:height, :width] & its[:height, :width]).sum())
        own, theirs = int(self.pixels.sum()), int(other.pixels.sum())
        if shared:
            return shared / (own + theirs - shared)
        apart = np.linalg.norm(self.ring.mean(axis=0) - other.ring.mean(axis=0))
        reach = 2 * np.sqrt(max(own, theirs, 1))
        alike = 1 / 3 < (own + 1) / (theirs + 1) < 3
        return _NEAR * float(1 - apart / reach) if alike and apart < reach else 0.0


class _Slots:
    """Assigns each outline of a frame to a slot: the most similar one, else a free one, else a new one."""

    def __init__(self) -> None:
        self.holes: list[bool] = []
        self._last: list[_Region] = []
        self._seen: list[int] = []  # step of the last use of each slot
        self._step = 0

    def take(self, rings: list[np.ndarray]) -> tuple[int, ...]:
        """Assign a slot to each outline of the next frame."""
        self._step += 1
        regions = [_Region.of(ring) for ring in rings]
        pairs = [
            (region.likeness(last) * (1 if self._just_seen(slot) else _RESUMED), -slot, which)
            for which, region in enumerate(regions)
            for slot, last in enumerate(self._last)
            if last.hole == region.hole
        ]
        chosen: dict[int, int] = {}  # outline index -> slot
        for likeness, slot, which in sorted(pairs, reverse=True):
            if likeness > 0 and which not in chosen and -slot not in chosen.values():
                chosen[which] = -slot
        for which, region in enumerate(regions):
            if which not in chosen:
                chosen[which] = self._free(region, taken=set(chosen.values()))
        for which, slot in chosen.items():
            self._last[slot], self._seen[slot] = regions[which], self._step
        return tuple(chosen[which] for which in range(len(rings)))

    def _just_seen(self, slot: int) -> bool:
        return self._seen[slot] >= self._step - 1

    def _free(self, region: _Region, taken: set[int]) -> int:
        """Return a slot unused on this and the previous frame, or a new one; a recent slot's outline would jump."""
        for slot, kind in enumerate(self.holes):
            if kind == region.hole and slot not in taken and not self._just_seen(slot):
                return slot
        self.holes.append(region.hole)
        self._last.append(region)
        self._seen.append(self._step)
        return len(self.holes) - 1


def write_outlines(path: Path, mattes: Mattes) -> None:
    """Write the outlines at alpha 0.5 of one object's mattes as `.npz` (see `Outlines`), atomically.

    `mattes()` yields (media frame, alpha (H, W) 0..1) by ascending frame; it is called at least twice, so
    that memory stays bounded. All outlines have the same number of points, a power of two from
    32 to 512: the smallest for which filled outlines reach an IoU of 0.985 with the matte on every frame. Islands in
    holes are outer outlines. Specks are dropped while their total area is small.

    Raises DiskFull, FolderNotWritable, and ValueError if frames do not ascend.
    """
    plan = _survey(mattes)
    while True:
        agreement = save_rows(path, plan.frames, plan.holes, plan.count, _rows(mattes, plan))
        if plan.count == _COUNTS[-1] or not plan.frames or min(agreement) >= AGREEMENT:
            return
        plan = replace(plan, count=plan.count * 2)


@dataclass(frozen=True)
class _Plan:
    """Result of the first pass over all mattes."""

    frames: list[int]
    slots: list[tuple[int, ...]]  # per frame, slots of the outlines
    holes: list[bool]  # per slot
    count: int  # points per outline


def _survey(mattes: Mattes) -> _Plan:
    slots, counts = _Slots(), iter(_COUNTS)
    frames, taken, count = [], [], next(counts)
    for frame, alpha in mattes():
        if frames and frame <= frames[-1]:
            raise ValueError(f"frame {frame} comes after frame {frames[-1]}")
        rings = trace(alpha)
        kept = _without_specks(rings)
        frames.append(frame)
        taken.append(slots.take(kept))
        while count < _COUNTS[-1] and _agreement(rings, [spread(ring, count) for ring in kept]) < AGREEMENT:
            count = next(counts)
    return _Plan(frames, taken, slots.holes, count)


def _rows(mattes: Mattes, plan: _Plan) -> Iterator[tuple[np.ndarray, float]]:
    """Yield points (S, count, 2) float32 per frame, in phase with the previous frame, and their IoU with the matte."""
    before: dict[int, np.ndarray] = {}
    for (_, alpha), slots in zip(mattes(), plan.slots):
        rings = trace(alpha)
        points = np.full((len(plan.holes), plan.count, 2), np.nan, np.float32)
        for slot, ring in zip(slots, _without_specks(rings)):
            points[slot] = before[slot] = spread(ring, plan.count, before=before.get(slot))
        yield points, _agreement(rings, [points[slot] for slot in slots])


def _without_specks(rings: list[np.ndarray]) -> list[np.ndarray]:
    # the outline of n pixels cuts off about 1/8 pixel per crossed border: add it to the area
    sizes = [abs(signed_area(ring)) + len(ring) / 8 for ring in rings]
    room = _DUST * sum(size for ring, size in zip(rings, sizes) if signed_area(ring) > 0)
    dropped = set()
    for which in np.argsort(sizes, kind="stable"):  # enclosed outlines are smaller, hence come first
        room -= sizes[which]
        if sizes[which] > _SPECK or room < 0:
            break
        dropped.add(int(which))
    return [ring for which, ring in enumerate(rings) if which not in dropped]


def _agreement(rings: list[np.ndarray], polygons: Iterable[np.ndarray]) -> float:
    """Return the IoU of the areas enclosed by exact outlines and by polygons; 1 without outlines."""
    if not rings:
        return 1.0
    corners = np.concatenate(rings)
    corner = np.floor(corners.min(axis=0))
    width, height = (int(edge) for edge in np.ceil(corners.max(axis=0)) - corner)
    true = fill([ring - corner for ring in rings], width, height) > 0
    made = fill([polygon - corner for polygon in polygons], width, height) > 0  # within the bounding box of the rings
    return np.count_nonzero(true & made) / np.count_nonzero(true | made)
