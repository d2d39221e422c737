"""Drawing of the wipe between before and after: each side of the region by itself, the line, and the mouse over it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import blf
import bpy
import gpu
import numpy as np
from bpy.types import Context

from ..addon import wipe
from ..addon.brush_settings import settings
from ..addon.clip_view import ClipView
from ..addon.wipe import Place
from ..engine.shared.errors import EngineError
from .lane import Points, Shapes, batch_of, quad
from .notes import shadowed

_log = logging.getLogger(__name__)

_FONT, _SIZE = 0, 13.0
_TURN = np.linspace(0.0, 2 * np.pi, 49)
_RIM, _WHITE, _INK = (0.0, 0.0, 0.0, 0.6), (1.0, 1.0, 1.0, 1.0), (0.1, 0.1, 0.1, 1.0)
_ARROW = np.array([(0.65, 0.0), (0.2, 0.38), (0.2, -0.38)])  # of the handle, in its radius

_shaped: set[int] = set()  # windows whose cursor shows that the line can be dragged


@contextmanager
def within(left: int, right: int, height: int) -> Iterator[None]:
    """Draw only between two columns of the region, which is `height` pixels high."""
    x, y, *size = gpu.state.scissor_get()
    gpu.state.scissor_test_set(True)
    gpu.state.scissor_set(x + left, y, right - left, height)
    try:
        yield
    finally:
        gpu.state.scissor_set(x, y, *size)


def draw(place: Place, names: tuple[str, str]) -> None:
    """Draw the line with its handle, and write on either side what is shown there."""
    _draw_line(place, (0.0, 0.0), 0.5)
    size = _SIZE * place.scale
    blf.size(_FONT, size)
    blf.color(_FONT, *_WHITE)
    away = 0.6 * size
    widths = [blf.dimensions(_FONT, name)[0] for name in names]
    with shadowed():
        for name, width, left in zip(names, widths, (place.x - away - widths[0], place.x + away)):
            if place.left <= left and left + width <= place.right:
                blf.position(_FONT, left, place.bottom + away, 0)
                blf.draw(_FONT, name)


def draw_at_cursor(mouse: tuple[int, int]) -> None:
    """Show that the line can be dragged while the mouse, given in pixels of the window, is over it."""
    context = bpy.context
    window, region = context.window, context.region
    place = _place_under(context, mouse)
    if place is not None:
        window.cursor_set("MOVE_X")  # each time, as Blender gives other areas their own
        _shaped.add(window.as_pointer())
        _draw_line(place, (region.x, region.y), 1.5)
    elif window.as_pointer() in _shaped:
        _shaped.discard(window.as_pointer())
        window.cursor_set("DEFAULT")


def _place_under(context: Context, mouse: tuple[int, int]) -> Place | None:
    """Return the place of the line if the mouse, in pixels of the window, would grab it."""
    space, region = context.space_data, context.region
    if space is None or region is None or space.clip is None or space.view != "CLIP":
        return None
    if wipe.compared(space.clip) is None:
        return None
    try:
        place = wipe.place_of(space.clip, ClipView.of(space, region), context.area, region)
    except EngineError as error:
        _log.info("no wipe: %s", error)
        return None
    x, y = mouse[0] - region.x, mouse[1] - region.y
    is_grabbed = place is not None and place.is_grabbed(x, y, by_handle=settings().use_paint)
    return place if is_grabbed else None


def _draw_line(place: Place, corner: tuple[float, float], half: float) -> None:
    """Draw the line and its handle in a region whose corner is given; `half` is half its width without the rim."""
    x, unit, radius = place.x, place.scale, place.radius
    middle = np.array(place.handle, np.float64)
    shapes: Shapes = []
    for wide, colour in ((half + 1, _RIM), (half, _WHITE)):
        shapes.append((quad(x - wide * unit, place.bottom, x + wide * unit, place.top), colour))
    shapes += [(middle + _disc(radius + rim * unit), colour) for rim, colour in ((1.0, _RIM), (0.0, _WHITE))]
    shapes += [(middle + _ARROW * (side * radius, radius), _INK) for side in (-1, 1)]
    shapes = [(points + corner, colour) for points, colour in shapes]
    gpu.state.blend_set("ALPHA")
    flat = gpu.shader.from_builtin("FLAT_COLOR")
    flat.bind()
    batch_of(shapes).draw(flat)
    gpu.state.blend_set("NONE")


def _disc(radius: float) -> Points:
    around = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=-1) * radius
    return np.stack([np.zeros_like(around[1:]), around[:-1], around[1:]], axis=1).reshape(-1, 2)
