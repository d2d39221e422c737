"""Mattes to closed outlines that keep their identity and number of points over time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..shared.outlines import save_rows
from .raster import fill, signed_area
from .tracing import spread, trace

AGREEMENT = 0.985  # IoU of filled outlines and matte that the number of points is chosen for
_COUNTS = (32, 64, 128, 256, 512)
_SPECK = 12  # pixels: what is larger is never dropped
_DUST = 0.004  # part of a matte's pixels that specks may be in all, to be dropped
_RESUMED = 0.5  # an outline unseen on the frame before counts by half when a slot is sought
_NEAR = 0.01  # what mere nearness counts, where nothing overlaps

Mattes = Callable[[], Iterable[tuple[int, np.ndarray]]]


@dataclass(frozen=True)
class _Region:
    """One outline with the pixels it surrounds, holes not taken out."""

    ring: np.ndarray  # (N, 2) float32
    hole: bool
    left: int  # of the pixels
    top: int
    pixels: np.ndarray  # (h, w) bool

    @classmethod
    def of(cls, ring: np.ndarray) -> _Region:
        left, top = (int(edge) for edge in np.floor(ring.min(axis=0)))
        width, height = (int(edge) for edge in np.ceil(ring.max(axis=0)) - (left, top))
        pixels = fill([ring - (left, top)], width, height) > 0
        return cls(ring, signed_area(ring) < 0, left, top, pixels)

    def likeness(self, other: _Region) -> float:
        """Intersection over union, or for two apart a little for being near, for their size."""
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
    """Gives each outline of a frame a slot: the one whose last outline it is most like, a free one, or a new one."""

    def __init__(self) -> None:
        self.holes: list[bool] = []
        self._last: list[_Region] = []
        self._seen: list[int] = []  # step on which each was last taken
        self._step = 0

    def take(self, rings: list[np.ndarray]) -> tuple[int, ...]:
        """The slot of each outline."""
        self._step += 1
        regions = [_Region.of(ring) for ring in rings]
        pairs = [
            (region.likeness(last) * (1 if self._just_seen(slot) else _RESUMED), -slot, which)
            for which, region in enumerate(regions)
            for slot, last in enumerate(self._last)
            if last.hole == region.hole
        ]
        chosen: dict[int, int] = {}  # slot of each outline
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
        """A slot unused on this frame and the one before, else its outline would cross the picture between them."""
        for slot, kind in enumerate(self.holes):
            if kind == region.hole and slot not in taken and not self._just_seen(slot):
                return slot
        self.holes.append(region.hole)
        self._last.append(region)
        self._seen.append(self._step)
        return len(self.holes) - 1


def write_outlines(path: Path, mattes: Mattes) -> None:
    """Write the outlines at alpha 0.5 of one object's mattes as `.npz` (see `Outlines`), all or nothing.

    `mattes()` gives (media frame, alpha (H, W) 0..1), frames ascending; it is asked twice or more, and neither mattes
    nor outlines are kept, however many there are. All outlines get the same number of points, a power of two from 32
    to 512: the least by which the filled outlines agree with the matte by an IoU of 0.985 on every frame. Islands in
    holes are outer outlines. Specks are dropped while they are few pixels in all. Raises DiskFull, FolderNotWritable.
    """
    plan = _survey(mattes)
    while True:
        agreement = save_rows(path, plan.frames, plan.holes, plan.count, _rows(mattes, plan))
        if plan.count == _COUNTS[-1] or not plan.frames or min(agreement) >= AGREEMENT:
            return
        plan = replace(plan, count=plan.count * 2)


@dataclass(frozen=True)
class _Plan:
    """What a first look at all mattes tells."""

    frames: list[int]
    slots: list[tuple[int, ...]]  # of each frame's outlines
    holes: list[bool]  # of each slot
    count: int  # points of an outline


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
    """Points (S, count, 2) float32 of each frame, starting where they are nearest to the frame before; agreement."""
    before: dict[int, np.ndarray] = {}
    for (_, alpha), slots in zip(mattes(), plan.slots):
        rings = trace(alpha)
        points = np.full((len(plan.holes), plan.count, 2), np.nan, np.float32)
        for slot, ring in zip(slots, _without_specks(rings)):
            points[slot] = before[slot] = spread(ring, plan.count, before=before.get(slot))
        yield points, _agreement(rings, [points[slot] for slot in slots])


def _without_specks(rings: list[np.ndarray]) -> list[np.ndarray]:
    # an outline around n pixels passes about an eighth of a pixel inside of each of their borders it crosses
    sizes = [abs(signed_area(ring)) + len(ring) / 8 for ring in rings]
    room = _DUST * sum(size for ring, size in zip(rings, sizes) if signed_area(ring) > 0)
    dropped = set()
    for which in np.argsort(sizes, kind="stable"):  # what lies within another is smaller, so it goes first
        room -= sizes[which]
        if sizes[which] > _SPECK or room < 0:
            break
        dropped.add(int(which))
    return [ring for which, ring in enumerate(rings) if which not in dropped]


def _agreement(rings: list[np.ndarray], polygons: Iterable[np.ndarray]) -> float:
    """IoU of what exact outlines and polygons enclose; 1 if both are nothing."""
    if not rings:
        return 1.0
    corners = np.concatenate(rings)
    corner = np.floor(corners.min(axis=0))
    width, height = (int(edge) for edge in np.ceil(corners.max(axis=0)) - corner)
    true = fill([ring - corner for ring in rings], width, height) > 0
    made = fill([polygon - corner for polygon in polygons], width, height) > 0  # nowhere outside of the rings
    return np.count_nonzero(true & made) / np.count_nonzero(true | made)
