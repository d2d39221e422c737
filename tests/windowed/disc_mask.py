"""Mask layer of the film of a disc for the windowed scripts: a curve of few points and keys that follows the disc."""

from __future__ import annotations

import bpy
import numpy as np

from tests.blender.studio import add_spline, circle
from tests.windowed.disc_film import DISC, FRAMES, HEIGHT, WIDTH
from tests.windowed.driver import part


def thin_out(area: bpy.types.Area, layer: bpy.types.MaskLayer) -> None:
    """Replace a layer made from mattes by a curve of 12 points with keys on the first and last frame."""
    mask, window = layer.id_data, bpy.context.window_manager.windows[0]
    mark, name = layer.splines[0].points[0].parent.sub_parent, layer.name
    mask.layers.remove(layer)
    spline = add_spline(mask.layers.new(name=name), outline(1), "FREE")
    for point in spline.points:
        point.parent.sub_parent = mark
    with part("addon.mask_keys").scratch_scene(window) as scene:
        for frame in (1, FRAMES):
            scene.frame_set(frame)
            along = (np.roll(outline(frame), -1, axis=0) - np.roll(outline(frame), 1, axis=0)) / 6
            for key, shift in (("co", 0), ("handle_left", -along), ("handle_right", along)):
                places = np.ascontiguousarray(outline(frame) + shift, np.float32)
                spline.points.foreach_set(key, places.ravel())
            spline.points[0].select = True
            with bpy.context.temp_override(window=window, area=area):
                assert bpy.ops.mask.shape_key_insert() == {"FINISHED"}
    for point in spline.points:
        point.select = False


def outline(frame: int) -> np.ndarray:
    """Return 12 points on the disc's edge in mask space."""
    x, y = DISC[0] - 4 * (frame - 1), DISC[1]
    return circle((x - WIDTH / 2) / WIDTH + 0.5, (HEIGHT / 2 - y) / WIDTH + 0.5, DISC[2] / WIDTH, 12)


def pixel(place: np.ndarray) -> tuple[float, float]:
    """Return the pixel of the clip at a place in mask space."""
    return float((place[0] - 0.5) * WIDTH + WIDTH / 2), float(HEIGHT / 2 - (place[1] - 0.5) * WIDTH)
