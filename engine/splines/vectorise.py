"""Vectorisation of an object's mattes into few splines with few keys."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from operator import length_hint

import numpy as np

from ..shared.splines import SplineTrack
from .correspondence import correspond
from .fitting import choose_basis, refine, widths_at
from .keys import Search, fit_keys, thin
from .outline import Outline
from .strands import LeftOut, Strand, link

TOLERANCE = 1.0, 2.0  # pixels: mean and 95th percentile of the distance between spline and outline on a frame
_SAMPLES = 64, 512  # of an outline: fewest and most
_SPACING = 1.5  # pixels between samples, where their number allows
_RELATIVE = 0.06  # mean distance in proportion to the area that an outline encloses per length
_PINNED = 0.3  # factor of the tolerance on pinned frames
_LINKING = 0.3  # of the progress
_FINEST = 0.2  # factor of the tolerance for the smallest outlines


def fit_splines(
    mattes: Iterable[tuple[int, np.ndarray]],
    *,
    pinned: Collection[int] = (),
    progress: Callable[[float], None] = lambda share: None,
    left_out: Callable[[LeftOut], None] = lambda found: None,
) -> list[SplineTrack]:
    """Fit splines to one object's mattes, pairs of media frame and alpha (H, W) 0..1 with ascending frames.

    Return the tracks part by part, each part before its holes. Media frames that are `pinned` get keys, on which the
    splines are fitted more closely. `progress` is told the share done, 0..1, and may raise to stop; while mattes are
    read, the share grows only if `mattes` has a length. `left_out` is told once which outlines have no splines.

    Raises ValueError if frames do not ascend.
    """
    strands, specks = link(_counted(mattes, lambda share: progress(_LINKING * share)))
    left_out(specks)
    total = sum(len(strand.rings) for strand in strands)
    tracks: list[SplineTrack] = []
    for part, members in enumerate(_parts(strands)):
        progress(_LINKING + (1 - _LINKING) * sum(len(track.error) for track in tracks) / total)
        tracks += fit_part(part, members, pinned)
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


def fit_part(part: int, strands: list[Strand], pinned: Collection[int]) -> list[SplineTrack]:
    """Fit splines to a part and its holes, with keys on as few frames as the limits allow, the same for all."""
    fits = [_fit(strand, pinned) for strand in strands]
    needed = [fit.strand.first + thin(fit.search) for fit in fits]
    ends = [end for strand in strands[1:] for end in (strand.first - 1, strand.last + 1)]
    keys = np.unique(np.concatenate([*needed, np.array([*pinned, *ends], np.int64)]))
    return [fit.keyed(part, keys) for fit in fits]


@dataclass(frozen=True)
class _Fit:
    """Spline that is fitted to a strand on all frames."""

    strand: Strand
    widths: np.ndarray  # (T, K) of the soft edge at its points
    search: Search

    def keyed(self, part: int, keys: np.ndarray) -> SplineTrack:
        """Fit the spline to those media frames of `keys` on which it is visible, and to its first and last frame."""
        first, last = self.strand.first, self.strand.last
        shown = np.union1d(keys[(keys >= first) & (keys <= last)], [first, last])
        keyed, _ = self.search.fitted(shown - first)
        basis = self.search.basis
        controls = (keyed.unknowns @ basis.controls.T).reshape(len(shown), len(basis.knots), 3)
        return SplineTrack(
            part=part,
            hole=self.strand.hole,
            first=first,
            last=last,
            keys=shown.astype(np.int64),
            points=np.stack([controls.real, controls.imag], axis=-1).astype(np.float32),
            feather=np.maximum(fit_keys(shown - first, self.widths), 0).astype(np.float32),
            corners=basis.corners,
            error=keyed.errors.astype(np.float32),
        )


def _fit(strand: Strand, pinned: Collection[int]) -> _Fit:
    """Fit a spline to a strand on all frames."""
    limits = _limits(strand, pinned)
    outline, widths = _sampled(strand)
    places = correspond(outline)
    basis = choose_basis(outline, places, limits)
    corners = np.searchsorted(basis.parameters, basis.knots[basis.corners])
    places = refine(outline, places, basis, corners)
    return _Fit(strand, widths_at(widths, places, basis), Search.of(outline, places, basis, limits))


def _limits(strand: Strand, pinned: Collection[int]) -> np.ndarray:
    """Return the mean and the 95th percentile of the distance to the outline to keep within, (T, 2), in pixels.

    Where a part is small or thin, `TOLERANCE` would be much of it, and the limits are finer; so they are on `pinned`
    frames.
    """
    sizes = np.array([ring.area / max(ring.length, 1.0) for ring in strand.rings])
    factors = np.clip(_RELATIVE * sizes / TOLERANCE[0], _FINEST, 1)
    factors[np.isin(strand.frames, list(pinned))] *= _PINNED
    return np.asarray(factors[:, None] * TOLERANCE)


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
