"""Parsing of SVG files without what XML allows and no drawing needs: entities, and anything beyond the file itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from . import checks
from .errors import ShapesUnreadable

Matrix = NDArray[np.float64]  # (2, 3): of x and y, the factors of x, y and 1

IDENTITY: Matrix = np.array([[1.0, 0, 0], [0, 1.0, 0]])
_MAX_ELEMENTS = 1_000_000
_FUNCTION = re.compile(r"\s*,?\s*(matrix|translate|scale|rotate|skewX|skewY)\s*\(([^)]*)\)")
_LENGTH = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(px|pt|pc|mm|cm|in|)\s*\Z")
_PIXELS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0}


def parse_svg(path: Path) -> Element:
    """Return the root element of an SVG file. Raises ShapesUnreadable."""
    text = checks.read_text(path)
    builder = _Builder()
    parser = expat.ParserCreate("utf-8", "}")  # whatever the declaration says
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = builder.refuse_entity
    try:
        parser.Parse(text.encode("utf-8"), True)
        root = builder.close()
    except (expat.ExpatError, ValueError) as error:
        raise ShapesUnreadable(f"{path} is not valid SVG ({error})") from error
    if local(root) != "svg":
        raise ShapesUnreadable(f"{path} is XML, but not SVG", remedy="Choose an SVG file.")
    return root


class _Builder:
    """Builds the tree of a document, within bounds."""

    def __init__(self) -> None:
        self._tree = TreeBuilder()
        self._depth = self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._count += 1
        if self._depth > checks.MAX_DEPTH or self._count > _MAX_ELEMENTS:
            raise ValueError("it is nested too deeply, or has too many elements")
        self._tree.start(_qualified(name), {_qualified(key): value for key, value in attributes.items()})

    def end(self, name: str) -> None:
        self._depth -= 1
        self._tree.end(_qualified(name))

    def data(self, text: str) -> None:
        self._tree.data(text)

    def refuse_entity(self, *_: object) -> None:
        raise ValueError("it declares entities, which drawings do not need")

    def close(self) -> Element:
        return self._tree.close()


def _qualified(name: str) -> str:
    return f"{{{name}" if "}" in name else name


def local(element: Element) -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def style_of(element: Element, name: str) -> str:
    """Return a property of an element: from its style, else its attribute of that name; else an empty text."""
    for part in element.get("style", "").split(";"):
        key, _, value = part.partition(":")
        if key.strip() == name:
            return value.replace("!important", "").strip()
    return element.get(name, "").strip()


def length(text: str | None) -> float | None:
    """Return a length in pixels; None if it is missing, or relative to something unknown. Raises ValueError."""
    found = _LENGTH.match(text) if text else None
    return checks.number(found[1]) * _PIXELS[found[2]] if found else None


def combined(outer: Matrix, inner: Matrix) -> Matrix:
    """Return the transform that applies `inner` first, and then `outer`."""
    return np.concatenate([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2:] + outer[:, 2:]], axis=1)


def transformed(matrix: Matrix, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return transformed points (..., 2); the very same if there is nothing to do."""
    if np.array_equal(matrix, IDENTITY):
        return points
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float64)


def read_transform(text: str) -> Matrix:
    """Return the transform that an attribute says. Raises ValueError."""
    matrix, place = IDENTITY, 0
    while found := _FUNCTION.match(text, place):
        values = [checks.number(part) for part in re.split(r"[\s,]+", found[2].strip()) if part]
        matrix = combined(matrix, _function(found[1], values))
        place = found.end()
    if text[place:].strip():
        raise ValueError(f"the transform {text[:40]!r} is not understood")
    return matrix


def _function(name: str, values: list[float]) -> Matrix:
    match name, values:
        case "matrix", [a, b, c, d, e, f]:
            return np.array([[a, c, e], [b, d, f]])
        case "translate", [x, *rest] if len(rest) < 2:
            return np.array([[1.0, 0, x], [0, 1.0, rest[0] if rest else 0.0]])
        case "scale", [x, *rest] if len(rest) < 2:
            return np.array([[x, 0, 0], [0, rest[0] if rest else x, 0]])
        case "rotate", [angle]:
            cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
            return np.array([[cos, -sin, 0], [sin, cos, 0]])
        case "rotate", [angle, x, y]:
            moved, back = np.array([[1.0, 0, x], [0, 1.0, y]]), np.array([[1.0, 0, -x], [0, 1.0, -y]])
            return combined(combined(moved, _function("rotate", [angle])), back)
        case "skewX", [angle]:
            return np.array([[1.0, np.tan(np.radians(angle)), 0], [0, 1.0, 0]])
        case "skewY", [angle]:
            return np.array([[1.0, 0, 0], [np.tan(np.radians(angle)), 1.0, 0]])
    raise ValueError(f"the transform {name} has {len(values)} numbers")


def values_of(text: str) -> Iterator[float]:
    """Yield the numbers of a list parted by spaces or commas. Raises ValueError."""
    return (checks.number(part) for part in re.split(r"[\s,]+", text.strip()) if part)
