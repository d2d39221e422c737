"""Staleness by crops: mattes of small objects are stale when crops are switched, and no others, old ones neither."""

from __future__ import annotations

import json

import pytest

from engine.shared.crop_inputs import ObjectSettings
from engine.shared.provenance import Cause, Dependences, Mark, ObjectInputs, RunInputs, difference
from engine.shared.types import Direction

OLD = {"height": 480}
AUTO, OFF = {**OLD, "crop": True}, {**OLD, "crop": False}


def settings(values: dict[str, object], small: list[int] | None = None) -> str:
    return json.dumps(values if small is None else {**values, "small": small})


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (settings(AUTO, [1]), settings(AUTO, [1]), True),
        (settings(AUTO, [1]), settings(OFF, [1]), False),
        (settings(AUTO, [2]), settings(OFF, [2]), True),
        (settings(AUTO), settings(OFF, [1]), False),
        (settings(OFF), settings(AUTO, [1]), False),
        (settings(AUTO), settings(OFF), True),
        (settings(AUTO, [1]), settings(OLD), True),
        (settings(OFF, [1]), settings(OLD), True),
        (settings({**AUTO, "height": 720}, [2]), settings(AUTO, [2]), False),
        ("damaged", "damaged", True),
        ("damaged", settings(AUTO), False),
        ("[1]", "[1]", True),
    ],
)
def test_settings_of_an_object_differ_by_crops_only_if_it_is_small(one, other, alike):
    pair = ObjectSettings.of(one, 1), ObjectSettings.of(other, 1)
    assert (pair[0] == pair[1]) is (pair[1] == pair[0]) is alike


def test_an_unknown_size_of_today_is_taken_from_the_earlier_run():
    """Blender does not look at the pixels of keyframes when it asks which mattes are stale."""
    objects = tuple(ObjectInputs(number, (Mark(3, "ab"),)) for number in (1, 2))

    def run(text: str) -> RunInputs:
        return RunInputs("keymatte", "", text, Direction.BOTH, objects)

    today, earlier = run(settings(OFF)), run(settings(AUTO, [1]))
    causes = [difference(Dependences(today, one).at(5), Dependences(earlier, one).at(5)) for one in (1, 2)]
    assert causes == [Cause.SETTINGS, None]
