"""Linking of the outlines of successive mattes into strands: one part or hole of an object over a range of frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from ..output.regions import Region
from .rings import Ring, read_rings

_RELATED = 0.25  # overlap of two regions, relative to the smaller one, from which one comes from the other
_SPLIT = 0.25  # area of the second largest part that a split must make, relative to the whole
_MAX_GROWTH = 3.0  # ratio of areas between two frames
_MAX_DROPPED = 0.01  # area of specks that may be left out, relative to the matte's, on any frame
_MAX_SPECK = 0.003  # area of a speck, relative to the matte's
_BRIEF, _MAX_BRIEF = 3, 0.008  # frames, and area relative to the matte's, of what shows only for a moment of a clip
_MIN_CLIP = 12  # frames
_MAX_OUTLINES = 300, 60_000  # on a frame, and on all frames together


@dataclass(eq=False)
class Strand:
    """One part or hole of an object over successive frames, in which it neither splits nor merges."""

    hole: bool
    first: int  # media frame of the first ring
    around: Strand | None = None  # of a hole: the part that it is in, on all its frames
    rings: list[Ring] = field(default_factory=list)

    @property
    def frames(self) -> range:
        """Return the media frames of the rings."""
        return range(self.first, self.first + len(self.rings))

    @property
    def last(self) -> int:
        """Return the media frame of the last ring."""
        return self.first + len(self.rings) - 1


@dataclass(frozen=True)
class LeftOut:
    """Outlines that were too small for splines of their own."""

    outlines: int  # on the frame with most of them
    share: float  # area of them relative to the matte's, on the frame where it is largest


def link(mattes: Iterable[tuple[int, np.ndarray]]) -> tuple[list[Strand], LeftOut]:
    """Link the outlines of mattes, pairs of media frame and alpha (H, W) 0..1 with ascending frames, into strands.

    A strand ends where its part vanishes, where the next frame has no matte, and where the part splits in two of
    which the smaller is not small, or merges with one that is not; that of a hole also where the part around it ends.
    Specks that are small on all frames are left out.

    Raises ValueError if frames do not ascend.
    """
    strands: list[Strand] = []
    ongoing: list[tuple[Strand, Region]] = []  # strands that show on the frame before, and their regions there
    areas: dict[int, float] = {}  # of the matte, by frame
    specks: dict[int, list[float]] = {}  # their areas, by frame
    previous: int | None = None
    for frame, alpha in mattes:
        if previous is not None and frame <= previous:
            raise ValueError(f"frame {frame} comes after frame {previous}")
        found, specks[frame] = read_rings(alpha)
        found.sort(key=lambda pair: pair[0].hole)  # parts come before what is in them
        areas[frame] = sum(-ring.area if ring.hole else ring.area for ring, _ in found)
        links = {}
        if previous == frame - 1:
            links = _links([region for _, region in ongoing], [region for _, region in found])
        following: list[tuple[Strand, Region]] = []
        for index, (ring, region) in enumerate(found):
            around = _around(region, following) if ring.hole else None
            strand = ongoing[links[index]][0] if index in links else None
            if strand is None or strand.around is not around:
                strands.append(strand := Strand(ring.hole, frame, around))
            strand.rings.append(ring)
            following.append((strand, region))
        ongoing, previous = following, frame
    return _without_specks(strands, areas, specks)


def _around(hole: Region, shown: list[tuple[Strand, Region]]) -> Strand:
    """Return the strand of the smallest part that a hole is in, among all parts of the frame."""
    y, x = np.unravel_index(int(hole.pixels.argmax()), hole.pixels.shape)
    near = [item for item in shown if not item[0].hole and item[1].contains(hole.left + int(x), hole.top + int(y))]
    return min(near, key=lambda item: item[1].area)[0]


def _links(before: list[Region], after: list[Region]) -> dict[int, int]:
    """Return, for each region of a frame that continues a region of the frame before, the index of that one."""
    overlaps = _overlaps(before, after)
    areas_before = np.array([region.area for region in before], float)
    areas_after = np.array([region.area for region in after], float)
    smaller = np.minimum(areas_before[:, None], areas_after[None])
    related = overlaps >= np.maximum(_RELATED * smaller, 1)
    splits = _divided(related, areas_before, areas_after)
    merges = _divided(related.T, areas_after, areas_before)
    iou = overlaps / np.maximum(areas_before[:, None] + areas_after[None] - overlaps, 1)
    growth = (areas_after[None] + 1) / (areas_before[:, None] + 1)
    iou[(growth > _MAX_GROWTH) | (growth < 1 / _MAX_GROWTH) | splits[:, None] | merges[None]] = 0
    links = _matched(iou)
    taken = set(links.values())
    lost, new = np.flatnonzero(~related.any(axis=1)), np.flatnonzero(~related.any(axis=0))
    centres, goals = (np.array([region.ring.mean(axis=0) for region in regions]) for regions in (before, after))
    for i in new.tolist() if len(lost) else ():  # parts that moved by more than their size
        distances = np.linalg.norm(centres[lost] - goals[i], axis=1)
        near = lost[distances < 2 * np.sqrt(np.maximum(areas_before[lost], areas_after[i]))].tolist()
        others = [k for k in near if k not in taken and before[k].hole == after[i].hole]
        similarities = [before[k].similarity(after[i]) for k in others]
        if similarities and max(similarities) > 0:
            links[i] = others[int(np.argmax(similarities))]
            taken.add(links[i])
    return links


def _divided(related: np.ndarray, wholes: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Return which wholes (N,) are related to several parts (M,) of which the second largest is not small."""
    if related.shape[1] < 2:
        return np.zeros(len(wholes), bool)
    second = np.sort(np.where(related, parts[None], 0), axis=1)[:, -2]
    return second >= np.maximum(_SPLIT * wholes, 1)


def _matched(scores: np.ndarray) -> dict[int, int]:
    """Pair columns with rows, best score first; return the row of each column that has one."""
    links: dict[int, int] = {}
    rows, columns = np.nonzero(scores)
    taken: set[int] = set()
    for index in np.argsort(-scores[rows, columns], kind="stable"):
        row, column = int(rows[index]), int(columns[index])
        if row not in taken and column not in links:
            links[column] = row
            taken.add(row)
    return links


def _overlaps(before: list[Region], after: list[Region]) -> np.ndarray:
    """Return the number of pixels that each pair of regions of the same kind has in common, (N, M)."""
    overlaps = np.zeros((len(before), len(after)))
    boxes_a, boxes_b = (_boxes(regions)[:, :, None] for regions in (before, after))
    boxes_b = boxes_b.transpose(0, 2, 1)
    near = (np.maximum(boxes_a[:2], boxes_b[:2]) < np.minimum(boxes_a[2:], boxes_b[2:])).all(axis=0)
    for i, k in zip(*np.nonzero(near)):
        if before[i].hole == after[k].hole:
            overlaps[i, k] = before[i].overlap(after[k])
    return overlaps


def _boxes(regions: list[Region]) -> np.ndarray:
    """Return left, top, right and bottom of regions, (4, N)."""
    rows = [(r.left, r.top, r.left + r.pixels.shape[1], r.top + r.pixels.shape[0]) for r in regions]
    return np.array(rows, float).reshape(-1, 4).T


def _without_specks(
    strands: list[Strand], areas: dict[int, float], specks: dict[int, list[float]]
) -> tuple[list[Strand], LeftOut]:
    """Leave out the smallest strands, as long as little of any frame's matte is lost, and what is in them.

    What shows only for a moment may be larger. Beyond `_MAX_OUTLINES` the smallest go in any case.
    """
    lost = {frame: sum(found) for frame, found in specks.items()}
    shown = Counter(frame for strand in strands for frame in strand.frames)
    dropped: set[Strand] = set()
    for strand in sorted(strands, key=lambda strand: sum(ring.area for ring in strand.rings)):
        sums = {frame: lost[frame] + ring.area for frame, ring in zip(strand.frames, strand.rings)}
        many = max(shown[frame] for frame in strand.frames) > _MAX_OUTLINES[0] or shown.total() > _MAX_OUTLINES[1]
        if many or _dispensable(strand, areas, sums):
            dropped.add(strand)
            lost |= sums
            shown.subtract(strand.frames)
    dropped |= {strand for strand in strands if strand.around in dropped}
    return [strand for strand in strands if strand not in dropped], _left_out(dropped, areas, specks)


def _left_out(dropped: set[Strand], areas: dict[int, float], specks: dict[int, list[float]]) -> LeftOut:
    """Return what is left out: strands, and specks given by their areas on each frame."""
    found = {frame: list(sizes) for frame, sizes in specks.items()}
    for strand in dropped:
        for frame, ring in zip(strand.frames, strand.rings):
            found[frame].append(ring.area)
    shares = [sum(found[frame]) / area for frame, area in areas.items() if area]
    return LeftOut(max(map(len, found.values()), default=0), max(shares, default=0.0))


def _dispensable(strand: Strand, areas: dict[int, float], lost: dict[int, float]) -> bool:
    """Return whether a strand is small beside the matte's area on all its frames, and so is all that is lost then."""
    share = max(ring.area / max(areas[frame], 1) for frame, ring in zip(strand.frames, strand.rings))
    brief = len(strand.rings) <= _BRIEF and len(areas) >= _MIN_CLIP
    most_lost = max(area / max(areas[frame], 1) for frame, area in lost.items())
    return share <= (_MAX_BRIEF if brief else _MAX_SPECK) and most_lost <= _MAX_DROPPED
