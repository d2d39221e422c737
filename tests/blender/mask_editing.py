"""Mask layers made from mattes in the Blender tests: their points, as an artist moves and keys them."""

from __future__ import annotations

import bpy
import numpy as np

from tests.blender.studio import FRAMES, add_spline, circle, part

MOVE = np.array([0.05, 0.03])  # mask space: 6 and 3.6 pixels of the film


def layer_of(studio, name: str = "Object 1"):
    return studio.clip.matting.mask.layers[name]


def places(studio, name: str = "Object 1") -> np.ndarray:
    """Return the points (N, 2) of the first spline of a layer."""
    return np.array([point.co for point in layer_of(studio, name).splines[0].points])


def move(studio, by: np.ndarray = MOVE, name: str = "Object 1") -> np.ndarray:
    """Move all points of the first spline of a layer as a drag does, and return where they are then."""
    for point in layer_of(studio, name).splines[0].points:
        place = np.array(point.co) + by
        point.co = point.handle_left = point.handle_right = place
    bpy.context.view_layer.update()
    return places(studio, name)


def key_by_hand(studio, layer, shapes: dict[int, np.ndarray]) -> None:
    """Key the only spline of a layer at these points (N, 2) on scene frames, as with Blender's own button."""
    mask = studio.clip.matting.mask
    hidden = [(other, other.hide_select) for other in mask.layers]
    for frame, points in shapes.items():
        studio.go(frame)
        for name in ("co", "handle_left", "handle_right"):
            layer.splines[0].points.foreach_set(name, np.ascontiguousarray(points, np.float32).ravel())
        for other, _ in hidden:
            other.hide_select = other != layer
        layer.splines[0].points[0].select = True
        with studio.editor():
            assert bpy.ops.mask.shape_key_insert() == {"FINISHED"}
        for other, was in hidden:
            other.hide_select = was


def edited(studio, object_id: int = 1) -> list[int]:
    return part("addon.edit_records").edited_numbers(studio.clip, object_id)


def sparse(studio, count: int = 16):
    """Replace the first object's layer by a circle of `count` points with keys on the first and last frame only."""
    mask = studio.clip.matting.mask
    mark = layer_of(studio).splines[0].points[0].parent.sub_parent
    mask.layers.remove(layer_of(studio))
    layer = mask.layers.new(name="Object 1")
    for point in add_spline(layer, circle(0.3, 0.5, 0.1, count), "FREE").points:
        point.parent.sub_parent = mark
    key_by_hand(studio, layer, dict.fromkeys((1, FRAMES), circle(0.3, 0.5, 0.1, count)))
    assert edited(studio) == []
    return layer
