"""Vectorisation of an object's mattes into outlines that keep their identity and number of points over time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..shared.outlines import save_rows
from .raster import fill, signed_area
from .regions import Region
from .tracing import resample, trace

MIN_AGREEMENT = 0.985  # minimum IoU of filled outlines and matte, which sets the number of points
_POINT_COUNTS = (32, 64, 128, 256, 512)
_MAX_SPECK_AREA = 12  # pixels; larger outlines are never dropped
_MAX_SPECK_SHARE = 0.004  # of a matte's pixels that may be dropped as specks
_UNUSED_SLOT_FACTOR = 0.5  # factor of the similarity to slots unused on the previous frame

Mattes = Callable[[], Iterable[tuple[int, np.ndarray]]]


class _Slots:
    """Assigns each outline of a frame to a slot, which holds the same outline over time.

    An outline gets the slot whose last outline is most similar to it, else a free slot, else a new one.
    """

    def __init__(self) -> None:
        self.holes: list[bool] = []
        self._last: list[Region] = []
        self._last_used: list[int] = []  # step of the last use of each slot
        self._step = 0

    def assign(self, rings: list[np.ndarray]) -> tuple[int, ...]:
        """Return the slot of each outline of the next frame."""
        self._step += 1
        regions = [Region.of(ring) for ring in rings]
        pairs = [
            (region.similarity(last) * (1 if self._recently_used(slot) else _UNUSED_SLOT_FACTOR), -slot, index)
            for index, region in enumerate(regions)
            for slot, last in enumerate(self._last)
            if last.hole == region.hole
        ]
        chosen: dict[int, int] = {}  # outline index -> slot
        for similarity, slot, index in sorted(pairs, reverse=True):
            if similarity > 0 and index not in chosen and -slot not in chosen.values():
                chosen[index] = -slot
        for index, region in enumerate(regions):
            if index not in chosen:
                chosen[index] = self._free_slot(region, taken=set(chosen.values()))
        for index, slot in chosen.items():
            self._last[slot], self._last_used[slot] = regions[index], self._step
        return tuple(chosen[index] for index in range(len(rings)))

    def _recently_used(self, slot: int) -> bool:
        return self._last_used[slot] >= self._step - 1

    def _free_slot(self, region: Region, taken: set[int]) -> int:
        """Return a slot used neither on this frame nor on the previous one, or a new slot.

        In a slot used on the previous frame, an unrelated outline would seem to jump.
        """
        for slot, kind in enumerate(self.holes):
            if kind == region.hole and slot not in taken and not self._recently_used(slot):
                return slot
        self.holes.append(region.hole)
        self._last.append(region)
        self._last_used.append(self._step)
        return len(self.holes) - 1


def write_outlines(path: Path, mattes: Mattes) -> None:
    """Write the outlines at alpha 0.5 of one object's mattes to an `.npz` file (see `Outlines`), atomically.

    `mattes()` yields pairs of media frame and alpha (H, W) 0..1, frames ascending. It is called at least twice, so that
    not all mattes need to be in memory. All outlines have the same number of points: the smallest power of two from 32
    to 512 for which the filled outlines have an IoU of at least 0.985 with the matte on every frame. Islands in holes
    are outer outlines. Specks are left out while their total area is small.

    Raises DiskFull, FolderNotWritable, and ValueError if frames do not ascend.
    """
    plan = _plan_outlines(mattes)
    while True:
        agreement = save_rows(path, plan.frames, plan.holes, plan.count, _rows(mattes, plan))
        if plan.count == _POINT_COUNTS[-1] or not plan.frames or min(agreement) >= MIN_AGREEMENT:
            return
        plan = replace(plan, count=plan.count * 2)


@dataclass(frozen=True)
class _OutlinePlan:
    """Result of the first pass over all mattes."""

    frames: list[int]
    slots: list[tuple[int, ...]]  # per frame, slots of the outlines
    holes: list[bool]  # per slot
    count: int  # points per outline


def _plan_outlines(mattes: Mattes) -> _OutlinePlan:
    """Assign all outlines to slots and choose a number of points, in a first pass over all mattes."""
    slots, counts = _Slots(), iter(_POINT_COUNTS)
    frames: list[int] = []
    slots_by_frame: list[tuple[int, ...]] = []
    count = next(counts)
    for frame, alpha in mattes():
        if frames and frame <= frames[-1]:
            raise ValueError(f"frame {frame} comes after frame {frames[-1]}")
        rings = trace(alpha)
        kept = _without_specks(rings)
        frames.append(frame)
        slots_by_frame.append(slots.assign(kept))
        while count < _POINT_COUNTS[-1] and _agreement(rings, [resample(ring, count) for ring in kept]) < MIN_AGREEMENT:
            count = next(counts)
    return _OutlinePlan(frames, slots_by_frame, slots.holes, count)


def _rows(mattes: Mattes, plan: _OutlinePlan) -> Iterator[tuple[np.ndarray, float]]:
    """Yield, for each frame, points (S, count, 2) float32 of all slots and their IoU with the matte.

    Points correspond to those of the previous frame; those of unused slots are NaN.
    """
    before: dict[int, np.ndarray] = {}
    for (_, alpha), slots in zip(mattes(), plan.slots):
        rings = trace(alpha)
        points = np.full((len(plan.holes), plan.count, 2), np.nan, np.float32)
        for slot, ring in zip(slots, _without_specks(rings)):
            points[slot] = before[slot] = resample(ring, plan.count, before=before.get(slot))
        yield points, _agreement(rings, [points[slot] for slot in slots])


def _without_specks(rings: list[np.ndarray]) -> list[np.ndarray]:
    """Leave out the smallest outlines, each at most `_MAX_SPECK_AREA`, as long as their total area is small."""
    # the outline of n pixels cuts off about 1/8 pixel per crossed border: add it to the area
    sizes = [abs(signed_area(ring)) + len(ring) / 8 for ring in rings]
    max_dropped = _MAX_SPECK_SHARE * sum(size for ring, size in zip(rings, sizes) if signed_area(ring) > 0)
    dropped = set()
    for index in np.argsort(sizes, kind="stable"):  # enclosed outlines are smaller, hence come first
        max_dropped -= sizes[index]
        if sizes[index] > _MAX_SPECK_AREA or max_dropped < 0:
            break
        dropped.add(int(index))
    return [ring for index, ring in enumerate(rings) if index not in dropped]


def _agreement(rings: list[np.ndarray], polygons: Iterable[np.ndarray]) -> float:
    """Return the IoU of the areas inside exact outlines and inside polygons; 1 if there are no outlines."""
    if not rings:
        return 1.0
    corners = np.concatenate(rings)
    corner = np.floor(corners.min(axis=0))
    width, height = (int(edge) for edge in np.ceil(corners.max(axis=0)) - corner)
    exact = fill([ring - corner for ring in rings], width, height) > 0
    # within the bounding box of the outlines
    approximate = fill([polygon - corner for polygon in polygons], width, height) > 0
    return np.count_nonzero(exact & approximate) / np.count_nonzero(exact | approximate)
