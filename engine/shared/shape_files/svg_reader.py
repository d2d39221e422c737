"""Reading of SVG files: those of Keymatte with all frames, and drawings of other programs as still splines."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from . import checks
from .errors import ShapesUnreadable
from .roto import Roto, RotoLayer, RotoSpline, depths, polygon, signed_area, wound
from .svg_own import own_frame, own_layer
from .svg_path import Subpath, arc_curves, read_path
from .svg_writer import VERSION
from .svg_xml import (
    IDENTITY,
    Matrix,
    combined,
    length,
    local,
    parse_svg,
    read_transform,
    style_of,
    transformed,
    values_of,
)

_LABEL = "{http://www.inkscape.org/namespaces/inkscape}label"
_CONTAINERS = ("svg", "g", "a", "switch")


def read_svg(path: Path) -> Roto:
    """Read the paths and basic shapes of an SVG file.

    Of files by Keymatte all is read, also if other programs have moved points or groups since. Of others, each path or
    shape becomes a still layer; texts, images, clones and stroke widths are left out. Raises ShapesUnreadable.
    """
    root = parse_svg(path)
    try:
        version = root.get("data-keymatte")
        if version is not None and version != str(VERSION):
            raise ShapesUnreadable(
                f"{path} has version {version[:20]} of Keymatte's SVG, and this Keymatte reads {VERSION}",
                remedy="Install a newer Keymatte, or export the file again.",
            )
        width, height, matrix = _canvas(root)
        layers = tuple(_Drawing(root).layers(root, matrix))
        if not layers and version is None:
            raise ShapesUnreadable(f"{path} has no paths or shapes", remedy="Convert texts and clones to paths first.")
        frame = own_frame(root) if version is not None else {}
        return Roto(width, height, layers, **frame)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise ShapesUnreadable(f"{path} is damaged: {error}") from error


def _canvas(root: Element) -> tuple[int, int, Matrix]:
    """Return the size of a drawing in pixels, and the transform of its units to them. Raises ValueError."""
    box = list(values_of(root.get("viewBox", "")))
    if box and (len(box) != 4 or box[2] <= 0 or box[3] <= 0):
        raise ValueError(f"the viewBox {root.get('viewBox', '')[:40]!r} is empty")
    width, height = length(root.get("width")), length(root.get("height"))
    if box and width and height is None:
        height = width * box[3] / box[2]
    elif box and height and width is None:
        width = height * box[2] / box[3]
    width, height = width or (box[2] if box else 100.0), height or (box[3] if box else 100.0)
    if not (0 < width <= checks.MAX_SIDE and 0 < height <= checks.MAX_SIDE):
        raise ValueError("its size is not one of a picture")
    columns, rows = max(1, round(width)), max(1, round(height))
    if not box:
        return columns, rows, IDENTITY
    x, y = columns / box[2], rows / box[3]
    if root.get("preserveAspectRatio", "").strip() != "none" and abs(x / y - 1) > 0.01:
        x = y = min(x, y)
    left, top = (columns - x * box[2]) / 2 - x * box[0], (rows - y * box[3]) / 2 - y * box[1]
    return columns, rows, np.array([[x, 0, left], [0, y, top]])


class _Drawing:
    """The layers of a document, in the order in which they are drawn."""

    def __init__(self, root: Element) -> None:
        self._is_own = root.get("data-keymatte") is not None
        self._start = checks.frame(root.get("data-start", "0"))
        self._count = checks.PointCount()

    def layers(self, element: Element, matrix: Matrix, name: str = "") -> Iterator[RotoLayer]:
        """Yield the layers in an element. Raises ValueError."""
        for child in element:
            kind = local(child)
            if style_of(child, "display") == "none" or style_of(child, "visibility") in ("hidden", "collapse"):
                continue
            inner = combined(matrix, read_transform(child.get("transform", ""))) if child.get("transform") else matrix
            title = child.get(_LABEL) or _title(child) or child.get("id", "")
            if self._is_own and child.get("data-layer") is not None:
                yield own_layer(child, inner, self._start, self._count)
            elif kind in _CONTAINERS:
                yield from self.layers(child, inner, title or name)
            elif parts := [part for part in _outlines(child) if _has_extent(part)]:
                self._count.add(sum(len(part.points) for part in parts))
                yield _still_layer(title or name or kind, child, parts, inner)


def _title(element: Element) -> str:
    return next((child.text or "" for child in element if local(child) == "title"), "").strip()


def _has_extent(part: Subpath) -> bool:
    return len(part.points) > 1 or (part.closed and len({place for point in part.points for place in point}) > 1)


def _still_layer(name: str, element: Element, parts: list[Subpath], matrix: Matrix) -> RotoLayer:
    is_filled = style_of(element, "fill") != "none"
    splines = []
    for part in parts:
        closed = part.closed or (is_filled and len(part.points) > 2)
        points = transformed(matrix, part.array())
        splines.append(RotoSpline(points[None], np.zeros((1, len(points))), closed, ("free",) * len(points)))
    layer = RotoLayer(name, tuple(splines))
    evenodd = style_of(element, "fill-rule") == "evenodd"
    return wound(layer if evenodd or _has_holes(layer) else RotoLayer(name, tuple(splines), fill_holes=False))


def _has_holes(layer: RotoLayer) -> bool:
    """Return whether a part inside another runs the other way round, which makes it a hole by the non-zero rule."""
    turns = [signed_area(polygon(spline.points[0], closed=spline.closed)) > 0 for spline in layer.splines]
    return len(set(turns)) > 1 and any(depths(layer))


def _outlines(element: Element) -> list[Subpath]:
    """Return the outlines of an element that draws one; of others none. Raises ValueError."""
    match local(element):
        case "path":
            return read_path(element.get("d", ""))
        case "polygon" | "polyline" as kind:
            values = list(values_of(element.get("points", "")))
            return [_of_corners(list(zip(values[::2], values[1::2])), closed=kind == "polygon")]
        case "rect":
            return [_rectangle(element)]
        case "circle" | "ellipse":
            return [_ellipse(element)]
    return []


def _measure(element: Element, name: str) -> float | None:
    return length(element.get(name))


def _of_corners(corners: list[tuple[float, float]], *, closed: bool) -> Subpath:
    return Subpath([[corner] * 3 for corner in corners], closed)


def _ellipse(element: Element) -> Subpath:
    x, y, radius = (_measure(element, name) or 0.0 for name in ("cx", "cy", "r"))
    rx = radius if local(element) == "circle" else _measure(element, "rx") or _measure(element, "ry") or 0.0
    ry = radius if local(element) == "circle" else _measure(element, "ry") or rx
    if not (rx > 0 and ry > 0):
        return Subpath()
    pull = 4 / 3 * math.tan(math.pi / 8)
    points = []
    for u, v in ((1, 0), (0, 1), (-1, 0), (0, -1)):  # clockwise, as they are seen
        place = (x + rx * u, y + ry * v)
        handle = (-rx * v * pull, ry * u * pull)
        points.append(
            [(place[0] - handle[0], place[1] - handle[1]), place, (place[0] + handle[0], place[1] + handle[1])]
        )
    return Subpath(points, closed=True)


def _rectangle(element: Element) -> Subpath:
    x, y, width, height = (_measure(element, name) or 0.0 for name in ("x", "y", "width", "height"))
    if not (width > 0 and height > 0):
        return Subpath()
    rx, ry = _measure(element, "rx"), _measure(element, "ry")
    rx = min(max(rx if rx is not None else ry or 0.0, 0.0), width / 2)
    ry = min(max(ry if ry is not None else rx, 0.0), height / 2)
    right, bottom = x + width, y + height
    if not (rx and ry):
        return _of_corners([(x, y), (right, y), (right, bottom), (x, bottom)], closed=True)
    ends = [
        ((right - rx, y), (right, y + ry)),
        ((right, bottom - ry), (right - rx, bottom)),
        ((x + rx, bottom), (x, bottom - ry)),
        ((x, y + ry), (x + rx, y)),
    ]
    points = []
    for start, end in ends:
        ((first, second, _),) = arc_curves(start, rx, ry, 0.0, (0, 1), end)
        points += [[start, start, first], [second, end, end]]
    return Subpath(points, closed=True)
