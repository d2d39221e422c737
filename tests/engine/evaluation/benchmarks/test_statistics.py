"""Statistics over frames, with values derived by hand from the definitions of the toolkits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.evaluation.benchmarks import statistics


def values(*numbers: float) -> np.ndarray:
    return np.array(numbers, np.float64)


def test_a_frame_at_exactly_one_half_does_not_count_for_recall():
    assert statistics.recall(values(0.5, 0.51, 1.0, 0.2)) == 2 / 4


@pytest.mark.parametrize(
    ("numbers", "first", "last"),
    [
        # n = 8: 1 + 7 * i / 4 = 1, 2.75, 4.5, 6.25, 8, rounded 1, 3, 5 (4.5 + 1e-10), 6, 8: as indices 0, 2, 4, 5, 7
        ((0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1), (0.8, 0.7, 0.6), (0.3, 0.2, 0.1)),
        # n = 5: 1, 2, 3, 4, 5: as indices 0, 1, 2, 3, 4; quarters share frames
        ((1.0, 0.9, 0.5, 0.3, 0.1), (1.0, 0.9), (0.3, 0.1)),
        # n = 2: 1, 1.25, 1.5, 1.75, 2, rounded 1, 1, 2, 2, 2: as indices 0, 0, 1, 1, 1
        ((0.9, 0.4), (0.9,), (0.4,)),
        # n = 1: all indices are 0
        ((0.7,), (0.7,), (0.7,)),
    ],
)
def test_decay_is_the_first_quarter_minus_the_last(numbers, first, last):
    assert statistics.decay(values(*numbers)) == pytest.approx(np.mean(first) - np.mean(last), abs=1e-15)


def test_decay_of_more_than_256_frames_is_not_counted_in_circles():
    falling = np.linspace(1, 0, 400)
    assert statistics.decay(falling) == pytest.approx(0.75, abs=0.01)


def test_the_last_quarter_starts_at_three_quarters_rounded_down():
    # 7 * 0.75 = 5.25: from index 5; 8 * 0.75 = 6; 1 * 0.75 = 0.75: from index 0
    assert statistics.last_quarter(np.arange(7.0)).tolist() == [5, 6]
    assert statistics.last_quarter(np.arange(8.0)).tolist() == [6, 7]
    assert statistics.last_quarter(np.arange(1.0)).tolist() == [0]


def test_spread_is_the_deviation_of_the_mean_of_j_and_f():
    # J&F: 1, 0.6, 0.8; mean 0.8; squares 0.04, 0.04, 0; variance 0.0266..., rounded 0.0267
    assert statistics.spread(values(1, 0.5, 0.7), values(1, 0.7, 0.9)) == math.sqrt(0.0267)


def test_without_frames_there_is_nothing_to_measure():
    empty = values()
    for number in (statistics.mean(empty), statistics.recall(empty), statistics.decay(empty)):
        assert math.isnan(number)
    assert math.isnan(statistics.spread(empty, empty))
