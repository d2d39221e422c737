"""The brush's circle and the lasso's outline, drawn with the mouse's cursor, so that no editor is redrawn for them."""

from __future__ import annotations

import logging

import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from ..addon import canvas
from ..addon.brush_settings import settings
from ..addon.clip_view import ClipView
from ..engine.shared.errors import EngineError

_log = logging.getLogger(__name__)

_TURN = np.linspace(0.0, 2 * np.pi, 97)
_DARK, _ADD, _REMOVE = (0.0, 0.0, 0.0, 0.6), (1.0, 1.0, 1.0, 0.9), (1.0, 0.35, 0.25, 0.95)


def circle(view: ClipView, centre: np.ndarray, radius: float) -> np.ndarray:
    """Return the points (N, 2) of the region on a circle of `radius` pixels of the clip around `centre` (2,).

    On pixels that are not square it is an ellipse on the screen.
    """
    around = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=-1) * radius
    return view.to_region(centre + around)


def draw(mouse: tuple[int, int]) -> None:
    """Draw the tool at the mouse, which is in pixels of the window."""
    context = bpy.context
    space, region, chosen = context.space_data, context.region, settings()
    if not chosen.use_paint or space is None or region is None or space.clip is None or space.view != "CLIP":
        return
    try:
        view = ClipView.of(space, region)
    except EngineError as error:
        _log.info("no brush: %s", error)
        return
    corner = np.array([region.x, region.y], np.float64)
    if canvas.outline is not None:
        path = view.to_region(np.array([*canvas.outline, canvas.outline[0]], np.float64))
    elif chosen.tool == "BRUSH" or canvas.radius_from is not None:
        centre = canvas.radius_from or view.to_pixels(np.array(mouse[:2], np.float64) - corner)
        path = circle(view, np.asarray(centre, np.float64), chosen.radius)
    else:
        path = _crosshair(np.array(mouse[:2], np.float64) - corner)
    _draw_lines(path + corner, _REMOVE if chosen.mode == "REMOVE" else _ADD)


def _crosshair(centre: np.ndarray) -> np.ndarray:
    """Return a path (N, 2) that draws a cross at a point of the region."""
    return centre + np.array([(-8, 0), (8, 0), (0, 0), (0, -8), (0, 8)], np.float64)


def _draw_lines(points: np.ndarray, colour: tuple[float, float, float, float]) -> None:
    """Draw a path (N, 2) in pixels of the window, light on a dark rim, so that it shows on every picture."""
    shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    # Shaders of lines with a width want three coordinates
    places = np.concatenate([points, np.zeros((len(points), 1))], axis=1).astype(np.float32)
    batch = batch_for_shader(shader, "LINE_STRIP", {"pos": places})
    gpu.state.blend_set("ALPHA")
    shader.bind()
    shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
    for width, tone in ((3.0, _DARK), (1.2, colour)):
        shader.uniform_float("lineWidth", width)
        shader.uniform_float("color", tone)
        batch.draw(shader)
    gpu.state.blend_set("NONE")
