"""Vectorisation of an object's mattes into few splines with few keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from ..shared.splines import SplineTrack
from .correspondence import correspond
from .fitting import (
    choose_basis,
    refine,
    widths_at,
)
from .keys import fit_keys, thin
from .outline import Outline
from .strands import Strand, link

TOLERANCE = 1.0, 2.0  # pixels: mean and 95th percentile of the distance between spline and outline on a frame
_SAMPLES = 64, 512  # of an outline: fewest and most
_SPACING = 1.5  # pixels between samples, where their number allows
_RELATIVE = 0.06  # mean distance in proportion to the area that an outline encloses per length
_FINEST = 0.2  # factor of the tolerance for the smallest outlines


def fit_splines(
    mattes: Iterable[tuple[int, np.ndarray]], check: Callable[[], None] = lambda: None
) -> list[SplineTrack]:
    """Fit splines to one object's mattes, pairs of media frame and alpha (H, W) 0..1 with ascending frames.

    `check` is called before each spline and may raise to stop. Raises ValueError if frames do not ascend.
    """
    tracks = []
    for strand in link(mattes):
        check()
        tracks.append(fit_strand(strand))
    return tracks


def fit_strand(strand: Strand) -> SplineTrack:
    """Fit one spline to a strand, with keys on as few frames as the limits allow."""
    limits = _limits(strand)
    outline, widths = _sampled(strand)
    places = correspond(outline)
    basis = choose_basis(outline, places, limits)
    corners = np.searchsorted(basis.parameters, basis.knots[basis.corners])
    places = refine(outline, places, basis, corners)
    keyed = thin(outline, places, basis, limits)
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


def _limits(strand: Strand) -> np.ndarray:
    """Return the mean and the 95th percentile of the distance to the outline to keep within, (T, 2), in pixels.

    Where a part is small or thin, `TOLERANCE` would be much of it, and the limits are finer.
    """
    sizes = np.array([ring.area / max(ring.length, 1.0) for ring in strand.rings])
    factors = np.clip(_RELATIVE * sizes / TOLERANCE[0], _FINEST, 1)
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
