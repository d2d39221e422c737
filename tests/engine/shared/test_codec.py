"""Dataclasses survive conversion to JSON and back; data that does not fit is refused with the name of the field."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import pytest

from engine.shared.codec import from_json, to_json


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


@dataclass(frozen=True)
class Layer:
    path: Path
    colour: Colour = Colour.RED


@dataclass(frozen=True)
class Stack:
    frames: range
    layers: tuple[Layer, ...]
    opacity: float = 1.0
    locked: bool = False
    parent: Path | None = None
    options: dict[str, int] = field(default_factory=dict)


FULL = Stack(range(3, 9), (Layer(Path("a") / "Straße"), Layer(Path("b"), Colour.GREEN)), 0.5, True, Path("c"), {"x": 2})


@pytest.mark.parametrize("stack", [FULL, Stack(range(0), ())])
def test_a_dataclass_comes_back_from_json_as_it_was(stack):
    assert from_json(Stack, json.loads(json.dumps(to_json(stack)))) == stack


def test_fields_that_are_not_there_take_their_defaults():
    assert from_json(Stack, {"frames": [0, 2], "layers": [{"path": "a"}]}) == Stack(range(2), (Layer(Path("a")),))


def test_a_whole_number_is_a_float_too():
    assert from_json(Stack, {"frames": [0, 2], "layers": [], "opacity": 1}).opacity == 1.0


@pytest.mark.parametrize(
    "change, named",
    [
        ({"frames": [1]}, "values to unpack"),
        ({"frames": [1, "2"]}, r"Stack.frames\[1\] must be int, not str"),
        ({"layers": None}, "Stack.layers must be list"),
        ({"layers": [{"path": "a"}, {"path": 3}]}, r"Stack.layers\[1\].path must be str, not int"),
        ({"layers": [{"path": "a", "colour": "blue"}]}, "'blue' is not a valid Colour"),
        ({"layers": [{}]}, "missing 1 required positional argument: 'path'"),
        ({"opacity": "1"}, "Stack.opacity must be float"),
        ({"locked": 1}, "Stack.locked must be bool, not int"),
        ({"options": {"x": True}}, "Stack.options.x must be int, not bool"),
        ({"depth": 1}, "Stack has no field 'depth'"),
    ],
)
def test_data_that_does_not_fit_is_refused_by_the_name_of_the_field(change, named):
    with pytest.raises((TypeError, ValueError), match=named):
        from_json(Stack, {**to_json(FULL), **change})


def test_a_range_with_a_step_is_refused():
    with pytest.raises(TypeError, match="step"):
        to_json(range(0, 10, 2))
