"""Reading of what Keymatte writes into SVG files beside paths: frames, names, feathers and settings of layers."""

from __future__ import annotations

import json
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from . import checks
from .roto import Detail, RotoLayer, RotoSpline
from .svg_path import Subpath, read_path
from .svg_xml import Matrix, combined, local, read_transform, transformed


def own_frame(root: Element) -> dict[str, Any]:
    """Return what a file of Keymatte says of its clip, as arguments of Roto. Raises ValueError."""
    fps = checks.number(root.get("data-fps", "24"))
    aspect = checks.number(root.get("data-pixel-aspect", "1"))
    if fps <= 0 or aspect <= 0:
        raise ValueError("frames per second and pixel aspect must be positive")
    return {
        "first": checks.frame(root.get("data-first", "1")),
        "last": checks.frame(root.get("data-last", "1")),
        "fps": fps,
        "pixel_aspect": aspect,
        "name": root.get("data-name", ""),
    }


def own_layer(group: Element, matrix: Matrix, start: int, count: checks.PointCount) -> RotoLayer:
    """Return the layer that a group of a file of Keymatte holds, whose animation begins at the frame `start`.

    Raises ValueError if it is damaged.
    """
    keys = tuple(checks.frame(part) for part in group.get("data-keys", "").split())
    pairs = [part.partition(":") for part in group.get("data-alphas", "").split()]
    path = next((child for child in group if local(child) == "path"), None)
    splines: tuple[RotoSpline, ...] = ()
    if path is not None:
        if transform := path.get("transform"):
            matrix = combined(matrix, read_transform(transform))
        splines = _splines(path, keys, start, matrix, count)
    return RotoLayer(
        group.get("data-layer", ""),
        splines,
        keys,
        tuple((checks.frame(frame), checks.number(value)) for frame, _, value in pairs),
        checks.number(group.get("data-alpha", "1")),
        group.get("data-object", ""),
        group.get("data-blend", "add"),
        group.get("data-inverted") == "true",
        group.get("data-fill-holes", "true") == "true",
        _details(json.loads(group.get("data-details", "{}"))),
    )


def _splines(
    path: Element, keys: tuple[int, ...], start: int, matrix: Matrix, count: checks.PointCount
) -> tuple[RotoSpline, ...]:
    about = json.loads(path.get("data-splines", "[]"))
    rows = max(len(keys), 1)
    shapes = _shapes(path, rows, count, skip=int(len(keys) > 1 and keys[0] > start))
    if any(len(parts) != len(about) for parts in shapes):
        raise ValueError("a path has other parts than Keymatte has written")
    closed = [bool(one["closed"]) for one in about]
    counts = [len(part.points) for part in shapes[0]]
    if any([len(part.points) for part in parts] != counts for parts in shapes):
        raise ValueError("a path has not the same points on all keys")
    feathers = _table(path.get("data-feathers", ""), rows, sum(counts))
    ends = _table(path.get("data-ends", ""), rows, 4 * closed.count(False))
    found, point, end = [], 0, 0
    for index, one in enumerate(about):
        points = np.stack([parts[index].array() for parts in shapes])
        if not closed[index]:
            points[:, 0, 0], points[:, -1, 2] = ends[:, end : end + 2], ends[:, end + 2 : end + 4]
            end += 4
        kinds = tuple(str(kind) for kind in one.get("kinds", ()))
        found.append(
            RotoSpline(
                transformed(matrix, points),
                feathers[:, point : point + counts[index]],
                closed[index],
                kinds if len(kinds) == counts[index] else (),
                str(one.get("name", "")),
                _details(one.get("details", {})),
            )
        )
        point += counts[index]
    return tuple(found)


def _shapes(path: Element, rows: int, count: checks.PointCount, *, skip: int) -> list[list[Subpath]]:
    """Return the parts of a path on each key, after the first `skip` shapes of its animation."""
    animation = next((child for child in path if local(child) == "animate" and child.get("attributeName") == "d"), None)
    texts = [path.get("d", "")] if animation is None else animation.get("values", "").split(";")
    if animation is not None:
        texts = texts[skip:][:rows]  # before the first key and after the last, its shape is repeated
    elif rows > 1:
        texts *= rows  # another program has removed the animation
    if len(texts) != rows:
        raise ValueError(f"a path has {len(texts)} shapes for {rows} keys")
    shapes = []
    for text in texts:
        shapes.append(read_path(text, checks.MAX_POINTS))
        count.add(sum(len(part.points) for part in shapes[-1]))
    return shapes


def _table(text: str, rows: int, columns: int) -> NDArray[np.float64]:
    """Return numbers (R, N); zeros if there are none. Raises ValueError."""
    if not text:
        return np.zeros((rows, columns))
    found = np.array([[checks.number(part) for part in row.split()] for row in text.split(";")])
    if found.shape != (rows, columns):
        raise ValueError("a path has not one feather for each point on each key")
    return np.asarray(found, np.float64)


def _details(data: dict[str, Any]) -> dict[str, Detail]:
    if not all(isinstance(value, (str, bool, int, float)) for value in data.values()):
        raise ValueError("details that are neither text nor number")
    return {str(key): value for key, value in data.items()}
