"""Reading of Bezier shapes from the Roto and RotoPaint nodes of Nuke scripts (.nk)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import checks
from .errors import ShapesUnreadable
from .nuke_text import Item, children, knob, nodes, parse, value
from .nuke_writer import COMMENT
from .roto import BLENDS, Roto, RotoLayer, RotoSpline, depths, wound

_SMOOTH, _STEP = 2, 0  # types of interpolation, in the last of a key's numbers
_STILL = (None, None, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0)  # a transform: pivot, then what it does


class Curve(NamedTuple):
    """A value over time."""

    frames: tuple[float, ...]  # ascending; none if the value is still
    values: tuple[float, ...]

    def at(self, frames: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values on frames."""
        if not self.frames:
            return np.full(len(frames), self.values[0])
        return np.interp(frames, self.frames, self.values)


def read_nuke(path: Path) -> tuple[Roto, list[str]]:
    """Read the Bezier shapes of the Roto nodes in a script, and return them with what was left out.

    Layers and shapes that are moved as a whole are refused, as are expressions. Raises ShapesUnreadable.
    """
    text = checks.read_text(path)
    try:
        about = _about(text)
        items = parse("\n".join(line for line in text.splitlines() if not line.startswith("#")))
        found = [*nodes(items, ("Roto", "RotoPaint"))]
        if not found:
            raise ShapesUnreadable(f"{path} has no Roto node", remedy="Save a script with a Roto or RotoPaint node.")
        reader = _Reader(*_size(items, found[0]), about)
        for node in found:
            reader.read(node)
        if not reader.layers:
            raise ShapesUnreadable(f"{path} has Roto nodes, but no Bezier shapes", remedy="Draw one, and save it.")
        return _roto(reader, about), reader.notes()
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
        raise ShapesUnreadable(f"{path} cannot be read: {error}") from error


def _roto(reader: _Reader, about: dict[str, Any]) -> Roto:
    """Return what was read of a script, the lowest layer first. Raises ValueError."""
    layers = tuple(layer if about else wound(layer) for layer in reversed(reader.layers))
    keys = [frame for layer in layers for frame in layer.keys] or [1]
    first, last = about.get("first", min(keys)), about.get("last", max(keys))
    fps, aspect = checks.number(about.get("fps", 24.0)), checks.number(about.get("pixel_aspect", 1.0))
    if fps <= 0 or aspect <= 0:
        raise ValueError("frames per second and pixel aspect must be positive")
    size = reader.width, reader.height
    return Roto(*size, layers, checks.frame(first), checks.frame(last), fps, aspect, str(about.get("name", "")))


def _about(text: str) -> dict[str, Any]:
    """Return what Keymatte has written into a comment; nothing if another program wrote the file."""
    line = next((line for line in text.splitlines()[:50] if line.startswith(COMMENT)), "")
    try:
        found = json.loads(line.removeprefix(COMMENT)) if line else {}
    except (ValueError, RecursionError):
        found = {}
    return found if isinstance(found, dict) else {}


def _size(items: list[Item], node: list[Item]) -> tuple[int, int]:
    """Return the width and height of a script's pictures: of the node's format, the script's, or twice the pivot."""
    for owner in (node, *nodes(items, ("Root",))):
        text = knob(owner, "format")
        numbers = text.split() if isinstance(text, str) else []
        if len(numbers) >= 2 and all(part.isascii() and part.isdigit() for part in numbers[:2]):
            return checks.side(numbers[0]), checks.side(numbers[1])
    root = next(_layers_in(knob(node, "curves")), None)
    pivot = next(children(root, "t"), None) if root is not None else None
    if pivot is None or len(pivot) < 3:
        raise ValueError("its size is not known, as it has no format")
    return checks.side(round(2 * value(pivot[1]))), checks.side(round(2 * value(pivot[2])))


def _layers_in(item: Item | None) -> Any:
    """Yield the outermost layers in a value of the knob `curves`."""
    if isinstance(item, list):
        if item and item[0] == "layer":
            yield item
        else:
            for inner in item:
                yield from _layers_in(inner)


class _Reader:
    """Reads the trees of nodes into layers, from the top to the bottom."""

    def __init__(self, width: int, height: int, about: dict[str, Any]) -> None:
        self.width, self.height = width, height
        self.layers: list[RotoLayer] = []
        self._names = about.get("layers", {})
        self._skipped: dict[str, int] = {}
        self._count = checks.PointCount()

    def notes(self) -> list[str]:
        """Return what was left out, in words."""
        return [f"{count} {what}" for what, count in self._skipped.items()]

    def read(self, node: list[Item]) -> None:
        """Read the shapes of a Roto node. Raises ValueError."""
        for root in _layers_in(knob(node, "curves")):
            self._read_layer(root)

    def _read_layer(self, group: list[Item]) -> None:
        name = _word(group[1])
        _check_still(group, name)
        shapes = [*children(group, "curvegroup")]
        made = [made for shape in shapes if (made := self._shape(shape))]
        self._skip("paint strokes left out", len([*children(group, "cubiccurve")]))
        if made and (name in self._names or (name != "Root" and _fit(made))):
            self.layers.append(self._joined(name, made))
        else:
            self.layers += [RotoLayer(one.name, (spline,), one.keys, one.alphas, one.alpha) for one, spline in made]
        for inner in children(group, "layer"):
            self._read_layer(inner)

    def _skip(self, what: str, count: int = 1) -> None:
        if count:
            self._skipped[what] = self._skipped.get(what, 0) + count

    def _joined(self, name: str, made: list[tuple[_Timing, RotoSpline]]) -> RotoLayer:
        """Return the shapes of a layer as one layer."""
        known = {"shapes": [], "splines": [], **self._names.get(name, {})}
        keys = sorted({key for timing, _ in made for key in timing.keys})
        splines = [_rekeyed(spline, timing.keys, keys) for timing, spline in reversed(made)]
        places = {shape: (place, title) for place, (shape, title) in enumerate(zip(known["shapes"], known["splines"]))}
        if all(spline.name in places for spline in splines):
            splines.sort(key=lambda spline: places[spline.name][0])
            splines = [replace(spline, name=str(places[spline.name][1])) for spline in splines]
        blend = str(known.get("blend", "add"))
        return RotoLayer(
            str(known.get("name", name)),
            tuple(splines),
            tuple(keys),
            made[0][0].alphas,
            made[0][0].alpha,
            str(known.get("object", "")),
            blend if blend in BLENDS else "add",
            inverted=made[0][0].inverted,
        )

    def _shape(self, group: list[Item]) -> tuple[_Timing, RotoSpline] | None:
        """Return a Bezier shape; None for one of another kind."""
        name = _word(group[1])
        if _word(group[3]) != "bezier":
            self._skip("B-splines left out")
            return None
        _check_still(group, name)
        curves = next(
            (item for item in group[4:] if isinstance(item, list) and item and isinstance(item[0], list)), None
        )
        if curves is None:
            raise ValueError(f"the shape {name} has no curves")
        outline, flag = self._points(curves[0], name)
        feather = self._points(curves[1], name)[0] if len(curves) > 1 and curves[1] != "idem" else []
        values = [curve for point in (*outline, *feather) for curve in point]
        frames = sorted({frame for curve in values for frame in curve.frames})
        keys = tuple(sorted({round(frame) for frame in frames}))
        at = np.array(keys or (0,), np.float64)
        points = _placed(outline, at) * (1, -1)
        points[:, :, 1, 1] += self.height
        points[:, :, (0, 2)] += points[:, :, 1:2]
        self._count.add(points.shape[0] * points.shape[1])
        widths = np.linalg.norm(_placed(feather, at)[:, :, 1], axis=2) if feather else np.zeros(points.shape[:2])
        attributes = next(children(group, "a"), [])
        spline = RotoSpline(points, widths, not flag & 32, ("free",) * points.shape[1], name)
        return _timing(name, keys, attributes), spline

    def _points(self, item: Item, name: str) -> tuple[list[tuple[Curve, Curve]], int]:
        """Return x and y of the places of a curve, three for each point, and its flag."""
        if not isinstance(item, list) or not item or item[0] != "cc":
            raise ValueError(f"the shape {name} has a curve that is not understood")
        flag = next((int(value(part[1])) for part in children(item, "f")), 0)
        body = next((part[1:] for part in children(item, "p")), None)
        single = next(children(item, "px"), None)
        time = None
        if body is None and single is not None:
            time, body = value(single[1]), single[2:]
        if not body or len(body) % 3:
            raise ValueError(f"the shape {name} has no whole number of points")
        places = []
        for place in body:
            if not isinstance(place, list) or len(place) < 2:
                raise ValueError(f"a point of the shape {name} has no place")
            places.append((self._curve(place[0], time, name), self._curve(place[1], time, name)))
        return places, flag

    def _curve(self, item: Item, time: float | None, name: str) -> Curve:
        if not isinstance(item, list):
            return Curve((time,) if time is not None else (), (value(item),))
        if not item or not isinstance(item[0], list):
            raise ValueError(f"the shape {name} is moved by an expression")
        frames: list[float] = []
        values: list[float] = []
        for key in item:
            if not isinstance(key, list) or len(key) < 2:
                raise ValueError(f"a key of the shape {name} is not understood")
            numbers = [value(part) for part in key if part != "-"]
            if frames and numbers[0] <= frames[-1]:
                raise ValueError(f"the keys of the shape {name} are not in order")
            kind = int(numbers[-1]) & 255 if len(numbers) in (3, 5, 7) else None
            if kind == _SMOOTH:
                self._skip("eased values read as linear between keys")
            frames.append(numbers[0])
            values.append(numbers[1])
            if kind == _STEP:  # held up to the frame before the next key, which is known only there
                self._skip("held values read as linear between keys")
        return Curve(tuple(frames), tuple(values))


class _Timing(NamedTuple):
    """When a shape is keyed and seen."""

    name: str
    keys: tuple[int, ...]
    alphas: tuple[tuple[int, float], ...]
    alpha: float
    inverted: bool
    is_black: bool


def _timing(name: str, keys: tuple[int, ...], attributes: list[Item]) -> _Timing:
    pairs = dict(zip(map(str, attributes[1::2]), attributes[2::2]))
    opacity = pairs.get("opc", "1")
    alphas: list[tuple[int, float]] = []
    alpha = 1.0
    if isinstance(opacity, list):
        for key in opacity:
            if isinstance(key, list) and len(key) >= 2:
                alphas.append((checks.frame(value(key[0])), value(key[1])))
        alphas = [pair for place, pair in enumerate(alphas) if not place or alphas[place - 1][1] != pair[1]]
    else:
        alpha = value(opacity)
    is_black = pairs.get("a") == "0"
    return _Timing(name, keys, tuple(alphas), alpha, pairs.get("inv") == "1", is_black)


def _fit(made: list[tuple[_Timing, RotoSpline]]) -> bool:
    """Return whether the shapes of a layer can be one layer: with the same alpha, and black ones that are holes."""
    same = all(timing[2:5] == made[0][0][2:5] for timing, _ in made)
    keys = sorted({key for timing, _ in made for key in timing.keys})
    layer = RotoLayer("", tuple(_rekeyed(spline, timing.keys, keys) for timing, spline in made), tuple(keys))
    return same and [depth % 2 == 1 for depth in depths(layer)] == [timing.is_black for timing, _ in made]


def _rekeyed(spline: RotoSpline, keys: tuple[int, ...], wanted: list[int]) -> RotoSpline:
    """Return a spline with shapes on other keys, interpolated linearly."""
    if tuple(wanted) == keys or not wanted:
        return spline
    own = RotoLayer("", (spline,), keys)
    points = np.stack([own.at(spline, key) for key in wanted])
    feather = np.stack([own.feather_at(spline, key) for key in wanted])
    return RotoSpline(points, feather, spline.closed, spline.kinds, spline.name)


def _placed(places: list[tuple[Curve, Curve]], frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the places of points as an array (F, K, 3, 2)."""
    table = np.array([[curve.at(frames) for curve in place] for place in places])
    return np.asarray(table.reshape(-1, 3, 2, len(frames)).transpose(3, 0, 1, 2), np.float64)


def _check_still(group: list[Item], name: str) -> None:
    """Raise ValueError if a layer or shape is moved, turned or scaled as a whole."""
    numbers = next((part[1:] for part in children(group, "t")), None)
    if numbers is None:
        numbers = next((part[2:] for part in children(group, "tx")), [])
    for number, still in zip(numbers, _STILL):
        keys = number if isinstance(number, list) else [["0", number]]
        for key in keys:
            if still is not None and (not isinstance(key, list) or abs(value(key[1]) - still) > 1e-6):
                raise ValueError(f"{name} is moved, turned or scaled as a whole, which only Nuke can apply")


def _word(item: Item) -> str:
    if not isinstance(item, str):
        raise ValueError("a list stands where a name belongs")
    return item
