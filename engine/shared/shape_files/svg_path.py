"""Path data of SVG: written so that nothing is rounded, and read with all commands of the standard."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Place = tuple[float, float]

_ARGUMENTS = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7, "Z": 0}
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_SEPARATOR = re.compile(r"[\s,]*")
_FLAGS = (3, 4)  # arguments of an arc that are one digit each, which need no separator


@dataclass
class Subpath:
    """Points (K, 3, 2) of one part of a path: left handle, point and right handle."""

    points: list[list[Place]] = field(default_factory=list)
    closed: bool = False

    def array(self) -> NDArray[np.float64]:
        """Return the points (K, 3, 2)."""
        return np.array(self.points, np.float64)


def path_data(points: NDArray[np.float64], *, closed: bool) -> str:
    """Return the path data of a spline (K, 3, 2), with a curve for each segment and numbers to the last bit."""
    following = [*range(1, len(points)), *([0] if closed else [])]
    parts = [f"M{_pair(points[0, 1])}"]
    for end in following:
        start = end - 1
        parts.append(f"C{_pair(points[start, 2])} {_pair(points[end, 0])} {_pair(points[end, 1])}")
    return "".join([*parts, "Z" if closed else ""])


def _pair(place: NDArray[np.float64]) -> str:
    return f"{number_text(float(place[0]))} {number_text(float(place[1]))}"


def number_text(value: float) -> str:
    """Return the shortest text that is read as the same number."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 and not _is_minus_zero(value) else repr(value)


def _is_minus_zero(value: float) -> bool:
    return value == 0 and math.copysign(1, value) < 0


def read_path(data: str, most: int = 1_000_000) -> list[Subpath]:
    """Return the parts of a path. Raises ValueError if its data is damaged or has more than `most` points."""
    pen = _Pen(most)
    for command, arguments in _commands(data):
        pen.draw(command, arguments)
    return pen.parts


def _commands(data: str) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Yield each command with its arguments; of repeated arguments, the command again, after M an L."""
    place, length, command = _skip(data, 0), len(data), ""
    while place < length:
        if data[place].upper() in _ARGUMENTS:
            command = data[place]
            place = _skip(data, place + 1)
        elif command in ("", "Z", "z"):
            raise ValueError(f"the path data has no command at {data[place : place + 10]!r}")
        arguments = []
        for index in range(_ARGUMENTS[command.upper()]):
            if command in "Aa" and index in _FLAGS:
                if data[place : place + 1] not in ("0", "1"):
                    raise ValueError(f"the path data has no flag of an arc at {data[place : place + 10]!r}")
                end = place + 1
            else:
                found = _NUMBER.match(data, place)
                if not found:
                    raise ValueError(f"the path data has no number at {data[place : place + 10]!r}")
                end = found.end()
            arguments.append(float(data[place:end]))
            place = _skip(data, end)
        if not all(abs(value) < 1e9 for value in arguments):
            raise ValueError("the path data has a number without bounds")
        yield command, tuple(arguments)
        command = {"M": "L", "m": "l"}.get(command, command)


def _skip(data: str, place: int) -> int:
    found = _SEPARATOR.match(data, place)
    return found.end() if found else place


class _Pen:
    """Draws the commands of a path one after the other."""

    def __init__(self, most: int) -> None:
        self.parts: list[Subpath] = []
        self._left = most
        self._at: Place = (0.0, 0.0)
        self._begin: Place = (0.0, 0.0)
        self._control: tuple[str, Place] | None = None  # the last one of the command before, and its kind: C or Q

    def draw(self, command: str, values: tuple[float, ...]) -> None:
        """Draw one command. Raises ValueError."""
        origin = self._at if command.islower() else (0.0, 0.0)
        kind = command.upper()
        if kind != "M" and not self.parts:
            raise ValueError("the path data does not begin with M")
        control, self._control = self._control, None
        if kind == "Z":
            self._close()
            return
        if kind == "A":
            self._arc(values, (origin[0] + values[5], origin[1] + values[6]))
            return
        if kind in "HV":
            x, y = (origin[0] + values[0], self._at[1]) if kind == "H" else (self._at[0], origin[1] + values[0])
            self._line((x, y))
            return
        places = [(origin[0] + x, origin[1] + y) for x, y in zip(values[::2], values[1::2])]
        if kind == "M":
            self._move(places[0])
        elif kind == "L":
            self._line(places[0])
        else:
            self._curve(kind, places, control)

    def _curve(self, kind: str, places: list[Place], control: tuple[str, Place] | None) -> None:
        family = "C" if kind in "CS" else "Q"
        if kind in "ST":
            mirrored = self._at
            if control is not None and control[0] == family:
                mirrored = (2 * self._at[0] - control[1][0], 2 * self._at[1] - control[1][1])
            places = [mirrored, *places]
        if family == "C":
            first, second, end = places
        else:
            middle, end = places
            first, second = _toward(self._at, middle), _toward(end, middle)
        self._cubic(first, second, end)
        self._control = family, places[-2]

    def _move(self, place: Place) -> None:
        self.parts.append(Subpath())
        self._at = self._begin = place
        self._add([place, place, place])

    def _add(self, point: list[Place]) -> None:
        self._left -= 1
        if self._left < 0:
            raise ValueError("the path has too many points")
        self.parts[-1].points.append(point)

    def _line(self, end: Place) -> None:
        self._cubic(self._at, end, end)

    def _cubic(self, first: Place, second: Place, end: Place) -> None:
        if self.parts[-1].closed:  # drawing goes on where the part before began
            self._move(self._begin)
        self.parts[-1].points[-1][2] = first
        self._add([second, end, end])
        self._at = end

    def _close(self) -> None:
        part = self.parts[-1]
        if part.closed:
            return
        part.closed = True
        if len(part.points) > 1 and part.points[-1][1] == part.points[0][1]:
            part.points[0][0] = part.points.pop()[0]
        self._at = self._begin

    def _arc(self, values: tuple[float, ...], end: Place) -> None:
        for first, second, corner in arc_curves(self._at, values[0], values[1], values[2], values[3:5], end):
            self._cubic(first, second, corner)


def _toward(place: Place, middle: Place) -> Place:
    """Return the control of a cubic curve for the control of a quadratic one."""
    return place[0] + (middle[0] - place[0]) * 2 / 3, place[1] + (middle[1] - place[1]) * 2 / 3


def arc_curves(
    start: Place, rx: float, ry: float, degrees: float, flags: tuple[float, ...], end: Place
) -> Iterator[tuple[Place, Place, Place]]:
    """Yield cubic curves for an elliptical arc, each of a quarter at most: first control, second control and end.

    The centre is found as the standard's implementation notes say.
    """
    rx, ry = abs(rx), abs(ry)
    if start == end:
        return
    if not rx or not ry:
        yield start, end, end
        return
    turn = math.radians(degrees)
    cos, sin = math.cos(turn), math.sin(turn)
    half_x, half_y = (start[0] - end[0]) / 2, (start[1] - end[1]) / 2
    x, y = cos * half_x + sin * half_y, cos * half_y - sin * half_x
    size = math.hypot(x / rx, y / ry)
    if size > 1:
        rx, ry, size = rx * size, ry * size, 1.0
    away = math.sqrt(max(1 / size**2 - 1, 0)) * (1 if flags[0] != flags[1] else -1)
    cx, cy = away * rx * y / ry, -away * ry * x / rx
    begin = math.atan2((y - cy) / ry, (x - cx) / rx)
    sweep = (math.atan2((-y - cy) / ry, (-x - cx) / rx) - begin) % (2 * math.pi)
    if not flags[1]:
        sweep -= 2 * math.pi
    count = max(1, math.ceil(abs(sweep) / (math.pi / 2) - 1e-9))
    step = sweep / count
    pull = 4 / 3 * math.tan(step / 4)
    middle = (start[0] + end[0]) / 2 + cos * cx - sin * cy, (start[1] + end[1]) / 2 + sin * cx + cos * cy

    def placed(u: float, v: float) -> Place:
        return middle[0] + cos * rx * u - sin * ry * v, middle[1] + sin * rx * u + cos * ry * v

    for index in range(count):
        a, b = begin + index * step, begin + (index + 1) * step
        first = placed(math.cos(a) - pull * math.sin(a), math.sin(a) + pull * math.cos(a))
        second = placed(math.cos(b) + pull * math.sin(b), math.sin(b) - pull * math.cos(b))
        yield first, second, end if index == count - 1 else placed(math.cos(b), math.sin(b))
