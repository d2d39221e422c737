"""Sine maps as in AOT, temporal slots as in RMem."""

from __future__ import annotations

import math

import pytest
import torch

from engine.layers.positions import assign_slots, sine_map


@pytest.mark.parametrize(
    ("entries", "expected"),
    [(1, [0]), (3, [0, 1, 2]), (4, [0, 1, 2, 3]), (5, [0, 1, 2, 3, 3]), (9, [0, 0, 1, 1, 2, 2, 3, 3, 3])],
)
def test_the_newest_entry_takes_the_last_slot_and_older_ones_share(entries: int, expected: list[int]):
    assert assign_slots(entries, 4) == expected


def test_a_sine_map_encodes_rows_first_with_alternating_sine_and_cosine():
    encoding = sine_map((3, 4), 8, like=torch.zeros(1)).unflatten(0, (3, 4))
    row = 2 / (2 + 1e-6) * 2 * math.pi
    column = 1 / (3 + 1e-6) * 2 * math.pi
    assert encoding[2, 1, 0] == pytest.approx(math.sin(row), abs=1e-5)
    assert encoding[2, 1, 1] == pytest.approx(math.cos(row), abs=1e-5)
    assert encoding[2, 1, 2] == pytest.approx(math.sin(row / 10_000**0.5), abs=1e-5)
    assert encoding[2, 1, 4] == pytest.approx(math.sin(column), abs=1e-5)
