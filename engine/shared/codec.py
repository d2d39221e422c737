"""Conversion of dataclasses to data for JSON and back, guided by the annotations of their fields."""

from __future__ import annotations

import dataclasses
import math
import os
import types
import typing
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def to_json(value: object) -> Any:
    """Convert a dataclass, or a value that its fields may hold, to dicts, lists, numbers and strings for JSON."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, range):
        if value.step != 1:
            raise TypeError(f"{value} has a step, which is not kept")
        return [value.start, value.stop]
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_json(item) for item in value]
    return value


def from_json(kind: type[T], data: object) -> T:
    """Rebuild an instance of `kind` from what `to_json` returned.

    Fields may be annotated with bool, int, float, str, Path, range, an Enum, a dataclass, and with `tuple[X, ...]`,
    `dict[str, X]` and `X | None` of these. A field that is missing in `data` gets its default value.

    Raises TypeError or ValueError, naming the field, if `data` does not fit the annotations.
    """
    return typing.cast(T, _convert(kind, data, kind.__name__))


def _convert(kind: Any, data: Any, name: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if data is None and types.NoneType in arguments:
            return None
        (kind,) = (argument for argument in arguments if argument is not types.NoneType)
        return _convert(kind, data, name)
    if origin is tuple:
        return tuple(_convert(arguments[0], item, f"{name}[{i}]") for i, item in enumerate(_checked(list, data, name)))
    if origin is dict:
        return {key: _convert(arguments[1], item, f"{name}.{key}") for key, item in _checked(dict, data, name).items()}
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, _checked(dict, data, name), name)
    if kind is range:
        start, stop = _convert(tuple[int, ...], data, name)
        return range(start, stop)
    if issubclass(kind, (Path, Enum)):
        return _path_or_choice(kind, _checked(str, data, name), name)
    if kind is float and type(data) is int:
        return float(_bounded(data, name))
    return _bounded(_checked(kind, data, name), name)


def _path_or_choice(kind: type[Path] | type[Enum], text: str, name: str) -> Path | Enum:
    """Return the path or the member of an Enum that `text` stands for. Raises ValueError."""
    if issubclass(kind, Path):
        os.fsencode(text)  # raises UnicodeEncodeError for what no file system can store
        if "\0" in text:
            raise ValueError(f"{name} must not contain a zero byte")
    return kind(text)


def _bounded(value: T, name: str) -> T:
    """Return a value unless it is a number that is not finite or has more than 64 bits. Raises ValueError."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError(f"{name} must be a number of at most 64 bits")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} must be finite, not {value}")
    return value


def _dataclass(kind: Any, data: dict[str, Any], name: str) -> Any:
    hints = typing.get_type_hints(kind)
    unknown = data.keys() - hints.keys()
    if unknown:
        raise TypeError(f"{name} has no field {min(unknown)!r}")
    return kind(**{field: _convert(hints[field], value, f"{name}.{field}") for field, value in data.items()})


def _checked(kind: type[T], data: object, name: str) -> T:
    if type(data) is not kind:  # isinstance would take true for a number
        raise TypeError(f"{name} must be {kind.__name__}, not {type(data).__name__}")
    return data
