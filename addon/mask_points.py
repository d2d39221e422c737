"""Points of mask layers as arrays of the numbers that Blender's shape keys hold."""

from __future__ import annotations

import numpy as np
from bpy.types import MaskLayer

_NUMBERS = (("co", 2), ("handle_left", 2), ("handle_right", 2), ("weight", 1))  # of a point: what shape keys hold
_SAME = 2e-6  # of mask space: points that differ less are the same after rounding


def points_of(layer: MaskLayer) -> np.ndarray:
    """Return the points of a layer's splines (N, 7) float32."""
    parts = [np.empty((0, 7), np.float32)]
    for spline in layer.splines:
        columns = []
        for name, width in _NUMBERS:
            values = np.empty(len(spline.points) * width, np.float32)
            spline.points.foreach_get(name, values)
            columns.append(values.reshape(-1, width))
        parts.append(np.concatenate(columns, axis=1))
    return np.concatenate(parts)


def set_points(layer: MaskLayer, points: np.ndarray) -> None:
    """Give a layer's splines the points (N, 7) that `points_of` returned."""
    begin = 0
    for spline in layer.splines:
        rows = points[begin : begin + len(spline.points)]
        begin += len(rows)
        column = 0
        for name, width in _NUMBERS:
            spline.points.foreach_set(name, np.ascontiguousarray(rows[:, column : column + width]).ravel())
            column += width
    layer.id_data.update_tag()


def differ(a: np.ndarray, b: np.ndarray) -> bool:
    """Return whether two layers' points differ by more than rounding."""
    return a.shape != b.shape or bool(len(a) and np.abs(a - b).max() > _SAME)


def has_selected(layer: MaskLayer) -> bool:
    """Return whether a point of the layer is selected."""
    for spline in layer.splines:
        selected = np.empty(len(spline.points), bool)
        spline.points.foreach_get("select", selected)
        if selected.any():
            return True
    return False
