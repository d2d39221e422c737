"""A second reader of Nuke's Roto nodes, written from Foundry's guide and public scripts, to check the first."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Shape:
    """A curve group: where its points are on a frame, in pixels with y up."""

    name: str
    outline: list[list[object]]  # of each place, x and y: numbers, or lists of keys
    feather: list[list[object]] | None
    is_open: bool
    attributes: dict[str, object] = field(default_factory=dict)

    def places(self, frame: int) -> list[tuple[complex, complex, complex]]:
        """Return left tangent, position and right tangent of each point, as complex numbers."""
        return _triples(self.outline, frame)

    def offsets(self, frame: int) -> list[complex]:
        """Return where the feather of each point is, from the point."""
        return [place for _, place, _ in _triples(self.feather, frame)] if self.feather else [0j] * self.count

    @property
    def count(self) -> int:
        return len(self.outline) // 3

    def attribute(self, name: str, frame: int, default: float) -> float:
        return _at(self.attributes.get(name, default), frame)


def read_shapes(text: str) -> Iterator[Shape]:
    """Yield the shapes of the first Roto node, the topmost first."""
    node = text[text.index("\nRoto {") :]
    words = iter(re.findall(r"[{}]|[^\s{}]+", node[node.index(" curves ") + len(" curves ") :]))
    assert next(words) == "{"
    yield from _curve_groups(_list(words))


def format_of(text: str) -> tuple[int, int]:
    found = re.search(r'\n format "(\d+) (\d+) ', text)
    return int(found[1]), int(found[2])


def _list(words: Iterator[str]) -> list[object]:
    found: list[object] = []
    for word in words:
        if word == "}":
            return found
        found.append(_list(words) if word == "{" else word)
    raise AssertionError("a list does not end")


def _curve_groups(tree: list[object]) -> Iterator[Shape]:
    if tree and tree[0] == "curvegroup":
        _, name, _, kind, curves, *rest = tree
        assert kind == "bezier"
        outline, flag = _points(curves[0])
        feather = None if curves[1] == "idem" else _points(curves[1])[0]
        attributes = next(part[1:] for part in rest if part[0] == "a")
        yield Shape(name, outline, feather, bool(flag & 32), dict(zip(attributes[::2], attributes[1::2])))
        return
    for item in tree:
        if isinstance(item, list):
            yield from _curve_groups(item)


def _points(curve: list[object]) -> tuple[list[list[object]], int]:
    kind, flags, points = curve
    assert kind == "cc" and flags[0] == "f" and points[0] == "p"
    assert len(points) % 3 == 1
    return points[1:], int(flags[1])


def _triples(places: list[list[object]], frame: int) -> list[tuple[complex, complex, complex]]:
    values = [complex(_at(x, frame), _at(y, frame)) for x, y in places]
    return list(zip(values[::3], values[1::3], values[2::3]))


def _at(value: object, frame: int) -> float:
    """Return a value on a frame that has a key, or lies beyond the first or last."""
    if not isinstance(value, list):
        return _number(value)
    keys = {_number(key[0]): _number(key[1]) for key in value}
    if frame in keys:
        return keys[frame]
    return keys[max((key for key in keys if key < frame), default=min(keys))]


def _number(word: object) -> float:
    word = str(word)
    return struct.unpack(">f", bytes.fromhex(word[1:]))[0] if word.startswith("x") else float(word)
