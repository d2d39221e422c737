"""Where tokens are: sine maps as AOT has them, temporal slots as RMem has them."""

from __future__ import annotations

import math

import pytest
import torch

from engine.layers.positions import sine_map, slots


@pytest.mark.parametrize(
    ("count", "taken"),
    [(1, [0]), (3, [0, 1, 2]), (4, [0, 1, 2, 3]), (5, [0, 1, 2, 3, 3]), (9, [0, 0, 1, 1, 2, 2, 3, 3, 3])],
)
def test_entries_take_slots_and_the_newest_always_takes_the_last(count: int, taken: list[int]):
    assert slots(count, 4) == taken


def test_a_sine_map_has_rows_first_and_sines_and_cosines_in_turn():
    placed = sine_map((3, 4), 8, like=torch.zeros(1)).unflatten(0, (3, 4))
    row = 2 / (2 + 1e-6) * 2 * math.pi
    column = 1 / (3 + 1e-6) * 2 * math.pi
    assert placed[2, 1, 0] == pytest.approx(math.sin(row), abs=1e-5)
    assert placed[2, 1, 1] == pytest.approx(math.cos(row), abs=1e-5)
    assert placed[2, 1, 2] == pytest.approx(math.sin(row / 10_000**0.5), abs=1e-5)
    assert placed[2, 1, 4] == pytest.approx(math.sin(column), abs=1e-5)
