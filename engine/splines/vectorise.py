"""Vectorisation of an object's mattes into few splines with few keys."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..shared.splines import SplineTrack
from .correspondence import correspond
from .fitting import (
    Tolerance,
    choose_basis,
    refine,
    widths_at,
)
from .keys import fit_keys, thin
from .outline import Outline
from .strands import Strand, link

_SAMPLES = 64, 512  # of an outline: fewest and most
_SPACING = 1.5  # pixels between samples, where their number allows
_RELATIVE = 0.06  # mean distance in proportion to the area that an outline encloses per length
_FINEST = 0.35  # factor of the tolerance for the smallest outlines


def fit_splines(mattes: Iterable[tuple[int, np.ndarray]], tolerance: Tolerance | None = None) -> list[SplineTrack]:
    """Fit splines to one object's mattes, pairs of media frame and alpha (H, W) 0..1 with ascending frames."""
    return [fit_strand(strand, tolerance or Tolerance()) for strand in link(mattes)]


def fit_strand(strand: Strand, tolerance: Tolerance) -> SplineTrack:
    """Fit one spline to a strand, with keys on as few frames as the tolerance allows."""
    tolerance = _tightened(strand, tolerance)
    outline, widths = _sampled(strand)
    places = correspond(outline)
    basis = choose_basis(outline, places, tolerance)
    corners = np.searchsorted(basis.parameters, basis.knots[basis.corners])
    places = refine(outline, places, basis, corners)
    keyed = thin(outline, places, basis, tolerance)
    controls = (keyed.unknowns @ basis.controls.T).reshape(len(keyed.keys), len(basis.knots), 3)
    feather = fit_keys(keyed.keys, widths_at(widths, places, basis))
    return SplineTrack(
        hole=strand.hole,
        first=strand.first,
        last=strand.frames[-1],
        keys=strand.first + keyed.keys.astype(np.int64),
        points=np.stack([controls.real, controls.imag], axis=-1).astype(np.float32),
        feather=np.maximum(feather, 0).astype(np.float32),
        corners=basis.corners,
        error=keyed.errors.astype(np.float32),
    )


def _tightened(strand: Strand, tolerance: Tolerance) -> Tolerance:
    """Return a finer tolerance for a small or thin part, of which the full one would be much."""
    sizes = [ring.region.area / max(ring.length, 1.0) for ring in strand.rings]
    factor = float(np.clip(_RELATIVE * np.median(sizes) / tolerance.mean, _FINEST, 1))
    return Tolerance(tolerance.mean * factor, tolerance.percentile95 * factor)


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
