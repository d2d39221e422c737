"""Text over the clip in its editor."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager

import blf
import bpy
from bpy.types import Area, Region

from ..addon.matte_views import Kind, Layer

_FONT = 0
_SIZE = 13.0
_MAX_LINES = 6
_YELLOW, _RED = (1.0, 0.85, 0.0, 1.0), (1.0, 0.4, 0.3, 1.0)
_WITHOUT_MARK = ("ALPHA", "BLACK_WHITE", "CHECKER", "COLOUR")  # a yellow edge would hide the edge to be judged


def lines(
    layers: Iterable[Layer], view: str, is_cut: Container[int] = (), unreadable: Collection[Layer] = ()
) -> list[str]:
    """Return what to write over a frame of what the picture does not say, the layers given from the topmost.

    `is_cut` has the numbers of the objects of which less is drawn than their computed mattes have; of `unreadable`
    layers nothing is drawn.
    """
    found = []
    for layer in layers:
        if layer in unreadable:
            found.append(f"{layer.name}: the image of its keyframe is missing, damaged or of another size")
        elif text := _line(layer, view, is_cut):
            found.append(text)
    return [*found[: _MAX_LINES - 1], f"and {len(found) - _MAX_LINES + 1} more"] if len(found) > _MAX_LINES else found


def _line(layer: Layer, view: str, is_cut: Container[int]) -> str:
    """Return what to write of a layer; empty if the picture says it all."""
    if layer.kind == Kind.ABSENT:
        return f"{layer.name}: not visible here" if layer.role == "OBJECT" else f"{layer.name}: ends here"
    if layer.kind == Kind.BLENDER_MASK:
        return f"{layer.name}: cuts along the Blender mask {layer.source} when you propagate"
    if layer.kind == Kind.HELD:
        return f"{layer.name}: as on frame {layer.source}"
    if layer.is_key and view in _WITHOUT_MARK:
        return f"{layer.name}: keyframe"
    return f"{layer.name}: masks will cut its matte like this when you propagate" if layer.object_id in is_cut else ""


def draw(texts: Sequence[str], area: Area, region: Region, *, problem: str = "") -> None:
    """Write lines of text at the upper left of the region, beside what lies over the region.

    `problem`, what went wrong, comes first, in as many lines as it needs.
    """
    if not texts and not problem:
        return
    scale = bpy.context.preferences.system.ui_scale
    size = _SIZE * scale
    left, top = _free_corner(area, region)
    blf.size(_FONT, size)
    columns = max(20, int((region.width - left - 24 * scale) / (blf.dimensions(_FONT, "n" * 20)[0] / 20)))
    problems = textwrap.wrap(problem, columns)
    with shadowed():
        for number, text in enumerate((*problems, *texts), start=1):
            blf.color(_FONT, *(_RED if number <= len(problems) else _YELLOW))
            blf.position(_FONT, left + 12 * scale, top - (1.5 * number) * size, 0)
            blf.draw(_FONT, text)


@contextmanager
def shadowed() -> Iterator[None]:
    """Write text with a dark shadow, so that it can be read on every picture."""
    blf.enable(_FONT, blf.SHADOW)
    blf.shadow(_FONT, 5, 0.0, 0.0, 0.0, 1.0)
    blf.shadow_offset(_FONT, 0, 0)
    try:
        yield
    finally:
        blf.disable(_FONT, blf.SHADOW)


def _free_corner(area: Area, region: Region) -> tuple[float, float]:
    """Return the upper left corner (x, y) of what headers and the tool bar leave free of the region."""
    left, top = 0, region.height
    for other in area.regions:
        over = other.x < region.x + region.width and other.y < region.y + region.height and other.height > 1
        if other.type == "TOOLS" and over and other.width > 1:
            left = max(left, other.x + other.width - region.x)
        elif other.type in ("HEADER", "TOOL_HEADER") and over and other.y > region.y + region.height // 2:
            top = min(top, other.y - region.y)
    return float(left), float(top)
