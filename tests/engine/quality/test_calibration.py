"""Calibration: curves of signals, their sum as a probability, and the reason for doubt."""

import math

import numpy as np
import pytest

from engine.quality.account import QualityAccount, joined, overlap
from engine.quality.calibration import Calibration, Curve, calibrations
from engine.shared.quality import GIVEN, REASONS, MatteQuality

WARP = Curve((0.5, 0.8, 1.0), (0.0, 3.0, 4.0), missing=1.0)
TWIN = Curve((-1.0, 0.0), (0.0, -5.0))
MODEL = Calibration("keymatte", -2.0, {"warp": WARP, "twin": TWIN}, after_leap=0.2)


@pytest.mark.parametrize(
    ("value", "shift"), [(0.0, 0.0), (0.5, 0.0), (0.65, 1.5), (0.8, 3.0), (0.9, 3.5), (2.0, 4.0), (None, 1.0)]
)
def test_a_curve_is_linear_between_knots_and_constant_beyond(value: float | None, shift: float) -> None:
    assert WARP(value) == pytest.approx(shift)


def test_a_value_that_is_no_number_counts_as_missing() -> None:
    assert WARP(math.nan) == 1.0


def test_the_probability_is_the_logistic_of_the_sum() -> None:
    assert MODEL.probability({"warp": 0.8, "twin": -1.0}) == pytest.approx(1 / (1 + math.exp(-1)))
    assert MODEL.probability({"warp": 0.8, "twin": 0.0}) == pytest.approx(1 / (1 + math.exp(4)))


def test_the_reason_is_what_takes_most_away() -> None:
    assert MODEL.reason({"warp": 1.0, "twin": -0.2}) == "twin"
    assert MODEL.reason({"warp": 0.5, "twin": -1.0}) == "motion"
    assert MODEL.reason({"warp": 1.0, "twin": -1.0}) == ""


def test_an_object_that_has_jumped_may_be_another() -> None:
    leapt = {"warp": 1.0, "twin": -1.0, "leap": 3.0}
    assert MODEL.probability(leapt) == 0.2
    assert MODEL.reason(leapt) == "twin"
    assert MODEL.probability({**leapt, "leap": 0.9}) > 0.8
    assert MODEL.reason({"warp": 0.5, "twin": -1.0, "leap": 0.9}) == "motion"


def test_an_object_that_another_sweep_finds_in_the_same_place_is_no_other() -> None:
    leapt = {"warp": 1.0, "twin": -1.0, "leap": 3.0}
    assert MODEL.probability({**leapt, "agree": 0.7}) == 0.2
    assert MODEL.probability({**leapt, "agree": 0.9}) > 0.8


def test_a_recipe_without_calibration_says_so() -> None:
    account = QualityAccount("no such recipe")
    quality = account.judge({"warp": 0.1})
    assert (quality.value, quality.reason, quality.signals) == (None, "", {"warp": 0.1})


def test_what_the_user_gave_is_not_doubted() -> None:
    for account in (QualityAccount("keymatte", MODEL), QualityAccount("no such recipe")):
        quality = account.judge({GIVEN: 1.0})
        assert (quality.value, quality.reason, quality.is_given) == (1.0, "", True)


def test_two_sweeps_are_joined_by_their_weights() -> None:
    signals = joined({"warp": 0.6, "jump": 2.0}, {"warp": 1.0, "looks": 0.5}, 0.25, 0.9)
    assert signals == pytest.approx({"warp": 0.7, "jump": 2.0, "looks": 0.5, "agree": 0.9})


def test_a_keyframe_of_one_sweep_does_not_hide_what_the_other_measured() -> None:
    assert GIVEN not in joined({GIVEN: 1.0}, {"warp": 0.5}, 0.5, 0.9)


def test_overlap_is_the_soft_iou() -> None:
    a, b = np.zeros((4, 4), np.float32), np.zeros((4, 4), np.float32)
    assert overlap(a, b) == 1
    a[:2], b[1:3] = 1, 1
    assert overlap(a, b) == pytest.approx(1 / 3)


def test_calibrations_that_come_with_keymatte_are_sound() -> None:
    assert "keymatte" in calibrations()
    for calibration in calibrations().values():
        for name, curve in calibration.curves.items():
            assert list(curve.knots) == sorted(set(curve.knots)), name
            assert len(curve.knots) == len(curve.shifts), name
            assert list(curve.shifts) in (sorted(curve.shifts), sorted(curve.shifts, reverse=True)), name


def test_a_quality_survives_its_text() -> None:
    quality = MatteQuality(0.123456, "twin", "keymatte", {"warp": 0.98765432})
    restored = MatteQuality.from_text(quality.to_text())
    assert restored == MatteQuality(0.1235, "twin", "keymatte", {"warp": 0.9877})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"v":0,"q":1,"why":"","by":"","signals":{}}',
        '{"v":1,"q":"x","why":"","by":"","signals":{}}',
    ],
)
def test_a_quality_of_another_version_or_a_damaged_one_is_unknown(text: str) -> None:
    assert MatteQuality.from_text(text) is None


def test_every_signal_has_a_reason_in_words() -> None:
    from engine.quality.calibration import REASON_OF

    assert set(REASON_OF.values()) <= set(REASONS)
