"""Vectorisation of an object's mattes into few splines with few keys."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from operator import length_hint

import numpy as np

from ..shared.splines import SplineTrack
from .basis import Basis
from .carrier import taken_back
from .correspondence import correspond
from .fitting import choose_basis, distances, frame_errors, refine, widths_at
from .keys import FAITHFUL, Course, choose_keys, fit_keys, interpolation
from .outline import Outline
from .strands import LeftOut, Strand, link

TOLERANCE = 1.0, 2.0  # pixels: mean and 95th percentile of the distance between spline and outline on a frame
_SAMPLES = 64, 768  # of an outline: fewest and most
_SPACING = 1.5  # pixels between samples, where their number allows
_COMPARED = 96  # samples of an outline that the choice of keys looks at, at most
_SLACK = 0.4  # of the limits that interpolation may add to the error of a key on the frame itself
_OBJECT_SHARE = 0.065  # of the object's area that the mean distance, times the length of its outlines, may be
_MEAN_SHARE = 0.03  # the same, in the mean over all frames
_PART_SHARE = 0.12  # of what a part or hole encloses that the mean distance, times the length of its outline, may be
_PINNED = 0.3  # factor of the tolerance on pinned frames
_LINKING = 0.3  # of the progress
_FINEST = 0.15  # pixels: mean distance for the smallest outlines


def fit_splines(
    mattes: Iterable[tuple[int, np.ndarray]],
    *,
    pinned: Collection[int] = (),
    motions: Mapping[int, np.ndarray] | None = None,
    progress: Callable[[float], None] = lambda share: None,
    left_out: Callable[[LeftOut], None] = lambda found: None,
) -> list[SplineTrack]:
    """Fit splines to one object's mattes, pairs of media frame and alpha (H, W) 0..1 with ascending frames.

    Return the tracks part by part, each part before its holes. Media frames that are `pinned` get keys, on which the
    splines are fitted more closely. With `motions`, homographies (3, 3) of pixels by media frame, the splines are such
    that these carry them to where the outlines are. `progress` is told the share done, 0..1, and may raise to stop;
    while mattes are read, the share grows only if `mattes` has a length. `left_out` is told once which outlines have no
    splines.

    Raises ValueError if frames do not ascend.
    """
    strands, specks = link(_counted(mattes, lambda share: progress(_LINKING * share)))
    left_out(specks)
    total = sum(len(strand.rings) for strand in strands)
    sizes = _sizes(strands)
    tracks: list[SplineTrack] = []
    done = 0
    for part, members in enumerate(_parts(strands)):
        fits = []
        for strand in members:
            progress(_LINKING + (1 - _LINKING) * done / total)
            if motions:
                strand = taken_back(strand, motions)
            fits.append(_fit(strand, np.array([sizes[frame] for frame in strand.frames]), pinned))
            done += len(strand.rings)
        tracks += _keyed(part, fits, pinned)
    progress(1.0)
    return tracks


def _counted(
    mattes: Iterable[tuple[int, np.ndarray]], progress: Callable[[float], None]
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield mattes; before each, tell which share of them is read, 0 if their number is not known."""
    total = length_hint(mattes, 0)
    for done, matte in enumerate(mattes):
        progress(done / total if total else 0.0)
        yield matte


def _parts(strands: list[Strand]) -> list[list[Strand]]:
    """Return each part with its holes, the part with the largest area over all frames first."""
    parts = sorted((s for s in strands if s.around is None), key=lambda s: -sum(ring.area for ring in s.rings))
    holes = sorted((s for s in strands if s.around is not None), key=lambda s: s.first)
    return [[part, *(hole for hole in holes if hole.around is part)] for part in parts]


def _keyed(part: int, fits: list[_Fit], pinned: Collection[int]) -> list[SplineTrack]:
    """Give the splines of a part and its holes keys on as few frames as the limits allow, the same for all."""
    strands = [fit.strand for fit in fits]
    first, last = strands[0].first, strands[0].last
    ends = [(s.first - 1, s.first, s.last, s.last + 1) for s in strands]  # between them a hole would grow or shrink
    fixed = np.unique(np.concatenate([[*pinned], *ends]).astype(np.int64))
    fixed = fixed[(fixed >= first) & (fixed <= last)]
    courses = [fit.course(first, pinned) for fit in fits]
    keys = choose_keys(courses, fixed - first)
    return [fit.keyed(part, course, keys) for fit, course in zip(fits, courses)]


@dataclass(frozen=True)
class _Fit:
    """Spline that is fitted to a strand on all frames."""

    strand: Strand
    limits: np.ndarray  # (T, 2)
    sizes: np.ndarray  # (T,) area of the object per length of its outlines, in pixels
    outline: Outline
    places: np.ndarray  # (T, S)
    basis: Basis
    widths: np.ndarray  # (T, K) of the soft edge at its points

    def course(self, first: int, pinned: Collection[int]) -> Course:
        """Return the spline's course in a part that appears on frame `first`."""
        goals = self.outline.at(self.places)
        shapes = goals @ self.basis.solver.T
        some = np.linspace(0, goals.shape[1], min(_COMPARED, goals.shape[1]), endpoint=False).astype(int)
        places = self.places[:, some]
        normals = 1j * (self.outline.at(places + 0.5) - self.outline.at(places - 0.5))
        normals /= np.maximum(np.abs(normals), 1e-9)
        lengths = self.outline.lengths
        course = Course(
            self.strand.first - first,
            shapes,
            self.basis.samples[some],
            goals[:, some],
            normals,
            self.limits,
            np.where(np.isin(self.strand.frames, list(pinned)), FAITHFUL, 1.0),
            lengths,
            0.0,
        )
        errors = course.errors(shapes)
        return replace(
            course,
            limits=np.maximum(errors + _SLACK * self.limits, self.limits),
            budget=lengths @ np.maximum(_MEAN_SHARE * self.sizes, (1 + _SLACK) * errors[:, 0]),
        )

    def keyed(self, part: int, course: Course, keys: np.ndarray) -> SplineTrack:
        """Return the spline with the keys of its part, counted from the part's first frame."""
        own = course.own(keys)
        unknowns, _ = course.fitted(own)
        controls = (unknowns @ self.basis.controls.T).reshape(len(own), len(self.basis.knots), 3)
        curves = interpolation(own, len(course.shapes)) @ unknowns @ self.basis.samples.T
        return SplineTrack(
            part=part,
            hole=self.strand.hole,
            first=self.strand.first,
            last=self.strand.last,
            keys=(self.strand.first + own).astype(np.int64),
            points=np.stack([controls.real, controls.imag], axis=-1).astype(np.float32),
            feather=np.maximum(fit_keys(own, self.widths), 0).astype(np.float32),
            corners=self.basis.corners,
            error=frame_errors(distances(self.outline, self.places, curves)).astype(np.float32),
        )


def _fit(strand: Strand, sizes: np.ndarray, pinned: Collection[int]) -> _Fit:
    """Fit a spline to a strand on all frames, given the object's area per length of its outlines, (T,)."""
    limits = _limits(strand, sizes, pinned)
    outline, widths = _sampled(strand)
    places = correspond(outline)
    basis = choose_basis(outline, places, limits, np.isin(strand.frames, list(pinned)))
    corners = np.searchsorted(basis.parameters, basis.knots[basis.corners])
    places = refine(outline, places, basis, corners)
    return _Fit(strand, limits, sizes, outline, places, basis, widths_at(widths, places, basis))


def _sizes(strands: list[Strand]) -> dict[int, float]:
    """Return the area of the object per length of its outlines on each frame, in pixels."""
    areas: dict[int, float] = {}
    lengths: dict[int, float] = {}
    for strand in strands:
        for frame, ring in zip(strand.frames, strand.rings):
            areas[frame] = areas.get(frame, 0) + (-ring.area if strand.hole else ring.area)
            lengths[frame] = lengths.get(frame, 0) + ring.length
    return {frame: max(area, 1) / max(lengths[frame], 1) for frame, area in areas.items()}


def _limits(strand: Strand, sizes: np.ndarray, pinned: Collection[int]) -> np.ndarray:
    """Return the mean and the 95th percentile of the distance to the outline to keep within, (T, 2), in pixels.

    Where a mean distance of `TOLERANCE` would be much of the object's area, or of a part, it must be less; on `pinned`
    frames, both must.
    """
    own = np.array([ring.area / max(ring.length, 1.0) for ring in strand.rings])
    mean = np.clip(np.minimum(_OBJECT_SHARE * sizes, _PART_SHARE * own), _FINEST, TOLERANCE[0])
    limits = np.stack([mean, np.full(len(mean), TOLERANCE[1])], axis=1)
    limits[np.isin(strand.frames, list(pinned))] *= _PINNED
    return limits


def _sampled(strand: Strand) -> tuple[Outline, np.ndarray]:
    """Sample all outlines of a strand at as many places each; return them and the widths of the soft edge (T, S)."""
    lengths = np.array([ring.length for ring in strand.rings])
    count = int(np.clip(np.ceil(lengths.max() / _SPACING / 32) * 32, *_SAMPLES))
    points, widths = [], []
    for ring in strand.rings:
        closed = np.append(ring.points, ring.points[0])
        along = np.concatenate([[0], np.cumsum(np.abs(np.diff(closed)))])
        at = np.arange(count) / count * along[-1]
        points.append(np.interp(at, along, closed))
        widths.append(np.interp(at, along, np.append(ring.widths, ring.widths[0])))
    return Outline(np.array(points), lengths), np.array(widths)
