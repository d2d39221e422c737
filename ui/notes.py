"""Text over the clip in its editor."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import blf
import bpy
from bpy.types import Area, Region

from ..addon.matte_views import Kind, Layer

_FONT = 0
_SIZE = 13.0
_MAX_LINES = 6
_WITHOUT_MARK = ("ALPHA", "BLACK_WHITE", "CHECKER", "COLOUR")  # a yellow edge would hide the edge to be judged


def lines(layers: Iterable[Layer], view: str, unreadable: Collection[Layer] = ()) -> list[str]:
    """Return what to write over a frame: whose keyframe says "not visible", and whose has no mark in this view.

    Also those of the layers that are `unreadable`, since nothing is drawn of them.
    """
    found = []
    for layer in layers:
        if layer in unreadable:
            found.append(f"{layer.name}: the image of its keyframe is missing, damaged or of another size")
        elif layer.kind == Kind.ABSENT:
            found.append(f"{layer.name}: not visible here")
        elif layer.is_key and view in _WITHOUT_MARK:
            found.append(f"{layer.name}: keyframe")
    return [*found[: _MAX_LINES - 1], f"and {len(found) - _MAX_LINES + 1} more"] if len(found) > _MAX_LINES else found


def draw(texts: Sequence[str], area: Area, region: Region) -> None:
    """Write lines of text at the upper left of the region, beside what lies over the region."""
    if not texts:
        return
    scale = bpy.context.preferences.system.ui_scale
    size = _SIZE * scale
    left, top = _free_corner(area, region)
    blf.size(_FONT, size)
    blf.enable(_FONT, blf.SHADOW)
    blf.shadow(_FONT, 5, 0.0, 0.0, 0.0, 1.0)
    blf.shadow_offset(_FONT, 0, 0)
    blf.color(_FONT, 1.0, 0.85, 0.0, 1.0)
    for number, text in enumerate(texts, start=1):
        blf.position(_FONT, left + 12 * scale, top - (1.5 * number) * size, 0)
        blf.draw(_FONT, text)
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
