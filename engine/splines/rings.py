"""Outlines of one matte as rings of complex numbers, with the width of the matte's soft edge along them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..output.raster import signed_area
from ..output.regions import Region
from ..output.tracing import trace

_REACH = 16.0  # pixels to either side of an outline in which the ends of its soft edge are sought
_STEP = 0.5  # pixels between samples across the edge
_EVERY = 4  # vertices of an outline between two measured widths
_SOFT = (0.1, 0.9)  # alpha at the ends of the soft edge
_BEYOND = 2  # pixels outside the picture
_SPECK, _SPECK_SHARE = 4.0, 0.003  # area of a speck, in pixels, and relative to the largest outline
_HARD_WIDTH = 1.8  # pixels: an anti-aliased hard edge seems that wide, sampled linearly


@dataclass(frozen=True)
class Ring:
    """A closed outline at alpha 0.5 on one frame."""

    points: np.ndarray  # (V,) complex128 pixels: x right, y down in the imaginary part
    widths: np.ndarray  # (V,) float32 pixels: width of the soft edge, 0 if it is hard
    hole: bool
    area: int  # pixels enclosed

    @property
    def length(self) -> float:
        """Return the length of the outline in pixels."""
        return float(np.abs(np.roll(self.points, -1) - self.points).sum())


def read_rings(alpha: np.ndarray) -> tuple[list[tuple[Ring, Region]], list[float]]:
    """Trace the outlines of alpha (H, W) 0..1 and measure its soft edges; return them with what they enclose.

    Where the picture's border cuts the object, outlines run `_BEYOND` pixels outside it, so that a spline that is not
    exact loses no pixel there. Specks of a few pixels beside something large are left out; their areas are returned.
    """
    inside = alpha > 0.5
    if inside[[0, -1]].any() or inside[:, [0, -1]].any():
        beyond = _BEYOND
        alpha = np.pad(alpha, beyond, mode="edge")
    else:
        beyond = 0
    outlines = trace(alpha)
    areas = [abs(signed_area(outline)) for outline in outlines]
    least = min(_SPECK, _SPECK_SHARE * max(areas, default=0))
    rings = []
    for outline in (outline for outline, area in zip(outlines, areas) if area >= least):
        points = outline[:, 0] + 1j * outline[:, 1].astype(np.float64)
        region = Region.of(outline - beyond)
        widths = edge_widths(alpha, points)
        rings.append((Ring(points - beyond * (1 + 1j), widths, region.hole, region.area), region))
    return rings, [area for area in areas if area < least]


def edge_widths(alpha: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Measure how wide the soft edge of alpha (H, W) is across each vertex (V,) of an outline, in pixels.

    The width is the distance between the places nearest to the outline where alpha falls below 0.1 and rises above 0.9.
    In a thin part that never gets that opaque, twice the distance to the outer end is taken.
    """
    spread = max(min(_EVERY, len(points) // 8), 1)
    tangent = np.roll(points, -spread) - np.roll(points, spread)
    normal = (-1j * tangent / np.maximum(np.abs(tangent), 1e-9))[::spread]
    steps = np.arange(int(_REACH / _STEP) + 1) * _STEP
    outward, inward = (_sample(alpha, points[::spread, None] + sign * normal[:, None] * steps) for sign in (1, -1))
    if outward[:, 2].mean() > inward[:, 2].mean():  # normals point to the inside
        outward, inward = inward, outward
    outer, outer_found = _crossing(outward - _SOFT[0])
    inner, inner_found = _crossing(_SOFT[1] - inward)
    inner = np.where(inner_found, inner, outer)
    outer = np.where(outer_found, outer, inner)
    widths = (outer + inner) * _STEP
    widths = np.where(widths > _HARD_WIDTH, widths, 0).astype(np.float32)
    return np.interp(np.arange(len(points)), np.arange(len(widths)) * spread, widths).astype(np.float32)


def _crossing(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each row (N, M) first falls below 0, in columns, or its last column, and whether it does."""
    below = values < 0
    exists = below.any(axis=1)
    first = np.where(exists, below.argmax(axis=1), values.shape[1] - 1)
    rows, before = np.arange(len(values)), np.maximum(first - 1, 0)
    high, low = values[rows, before], values[rows, first]
    part = np.where(exists & (high > low), high / np.maximum(high - low, 1e-9), 1)
    return before + np.clip(part, 0, 1) * (first - before), exists


def _sample(alpha: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Sample alpha (H, W) at complex places, linearly; it is 0 outside."""
    across, down = (part.astype(np.float32) - np.float32(0.5) for part in (places.real, places.imag))
    return cv2.remap(
        alpha.astype(np.float32, copy=False), across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )
