"""Text beside the mouse over the lane: object, frame, and what is known of the matte there, in words."""

from __future__ import annotations

import blf
import bpy
import gpu
import numpy as np
from bpy.types import MovieClip
from gpu_extras.batch import batch_for_shader

from ..addon import lane_watch
from ..addon.lane_place import place_of
from ..addon.lane_words import words
from .lane import quad

_FONT = 0
_SIZE = 12.0
_AWAY = 14.0  # of the text from the mouse


def draw(mouse: tuple[int, int]) -> None:
    """Write what is under the mouse, which is in pixels of the window."""
    context = bpy.context
    space, region = context.space_data, context.region
    clip: MovieClip | None = space.clip if space is not None and region is not None else None
    if clip is None or space.view != "CLIP" or not clip.matting.show_lane:
        return
    lane = lane_watch.watch(clip)
    place = place_of(lane, clip, context.area, region) if lane else None
    x, y = mouse[0] - region.x, mouse[1] - region.y
    if lane is None or place is None or not place.contains(x, y):
        return
    scale = context.preferences.system.ui_scale
    lines = words(clip, lane, place.row_at(y), place.frame_at(x))
    right = region.x + region.width
    _draw_box(lines, (mouse[0], region.y + place.top + _AWAY * scale / 2), right, scale)


def _draw_box(lines: list[str], corner: tuple[float, float], right: float, scale: float) -> None:
    """Write lines in a box above a point; it begins further left if it would reach beyond `right`."""
    size = _SIZE * scale
    blf.size(_FONT, size)
    pad, step = 0.5 * size, 1.5 * size
    width = max(blf.dimensions(_FONT, line)[0] for line in lines) + 2 * pad
    height = step * len(lines) + pad
    left, low = min(corner[0], right - width - pad), corner[1]
    tip = bpy.context.preferences.themes[0].user_interface.wcol_tooltip
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    corners = quad(left, low, left + width, low + height)
    batch = batch_for_shader(shader, "TRIS", {"pos": corners.astype(np.float32)})
    gpu.state.blend_set("ALPHA")
    shader.bind()
    shader.uniform_float("color", (*tip.inner[:3], 0.95))
    batch.draw(shader)
    blf.color(_FONT, *tip.text[:3], 1.0)
    for number, line in enumerate(reversed(lines)):
        blf.position(_FONT, left + pad, low + pad + number * step, 0)
        blf.draw(_FONT, line)
    gpu.state.blend_set("NONE")
