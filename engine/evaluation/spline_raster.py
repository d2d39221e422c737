"""Rasterisation of an object's splines, as Blender's Mask node draws them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..output.raster import fill, signed_area
from ..shared.splines import SplineTrack, flatten


def painted(tracks: Iterable[SplineTrack], frame: int, size: tuple[int, ...], scale: int = 1) -> np.ndarray:
    """Paint the splines of one object that are visible on a frame: (H * `scale`, W * `scale`) bool at pixel centres.

    Larger ones are painted first, parts in and holes out, so that islands lie in their holes.
    """
    height, width = (length * scale for length in size)
    polygons = []
    for track in tracks:
        points = track.at(frame)
        if points is not None:
            polygons.append((track.hole, flatten(points) * scale))
    picture = np.zeros((height, width), bool)
    for hole, polygon in sorted(polygons, key=lambda item: -abs(signed_area(item[1]))):
        corner = np.clip(np.floor(polygon.min(axis=0)), 0, (width, height)).astype(int)
        end = np.clip(np.ceil(polygon.max(axis=0)), corner, (width, height)).astype(int)
        inside = fill([polygon - corner], *(end - corner)) > 0
        part = picture[corner[1] : end[1], corner[0] : end[0]]
        part[...] = part & ~inside if hole else part | inside
    return picture
