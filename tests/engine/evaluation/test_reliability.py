"""Reliability of probabilities, and the fit of the calibration, on samples whose truth is known."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from engine.evaluation.calibrating import USED, as_row, fit
from engine.evaluation.reliability import GOOD, Sample, area_under_roc, draw_reliability, reliability
from engine.quality.calibration import REASON_OF, from_row


def sample(good: bool, signals: Mapping[str, float], *, clip: str = "film") -> Sample:
    return Sample("part", clip, clip, 1, 0, 0.95 if good else 0.5, signals)


def test_a_matte_is_good_from_a_score_of_nine_tenths_on() -> None:
    assert sample(True, {}).is_good
    assert Sample("part", "clip", "case", 1, 0, GOOD, {}).is_good
    assert not Sample("part", "clip", "case", 1, 0, GOOD - 1e-6, {}).is_good


def test_the_area_under_the_curve_counts_pairs() -> None:
    rated, good = np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])
    assert area_under_roc(rated, good) == pytest.approx(3 / 4)  # of 4 pairs, 0.4 before 0.35 is wrong
    assert area_under_roc(np.array([0.5, 0.5]), np.array([False, True])) == pytest.approx(0.5)
    assert area_under_roc(rated, np.ones(4, bool)) is None


def test_the_calibration_error_is_the_mean_distance_from_what_came_true() -> None:
    result = reliability([0.85] * 10 + [0.15] * 30, [True] * 5 + [False] * 35)
    assert result.error == pytest.approx((10 * 0.35 + 30 * 0.15) / 40)
    assert result.bins == ((pytest.approx(0.15), 0.0, 30), (pytest.approx(0.85), 0.5, 10))
    assert result.good == pytest.approx(5 / 40)


def test_probabilities_that_come_true_have_no_error() -> None:
    rng = np.random.default_rng(0)
    rated = rng.uniform(0, 1, 100_000)
    result = reliability(list(rated), list(rng.uniform(0, 1, 100_000) < rated))
    assert result.error < 0.01


def test_no_mattes_are_no_error() -> None:
    assert reliability([], []).auroc is None


def test_the_fit_finds_probabilities_that_come_true() -> None:
    rng = np.random.default_rng(1)

    def draw(count: int) -> list[Sample]:
        samples = []
        for number in range(count):
            warp, soft = rng.uniform(0, 1), rng.uniform(0, 2)
            chance = 1 / (1 + math.exp(-(6 * warp - 3 * soft)))
            samples.append(sample(rng.uniform() < chance, {"worst": warp, "soft": soft}, clip=f"film {number % 7}"))
        return samples

    calibration = fit(draw(4000), "test")
    held_out = draw(4000)
    result = reliability([calibration.probability(one.signals) for one in held_out], [one.is_good for one in held_out])
    assert result.error < 0.04
    assert result.auroc is not None and result.auroc > 0.85
    assert calibration.probability({"worst": 1.0, "soft": 0.0}) > 0.95
    assert calibration.probability({"worst": 0.0, "soft": 2.0}) < 0.05


def test_no_signal_counts_against_its_meaning() -> None:
    """Even if, in the samples, larger overlaps go with worse mattes."""
    samples = [sample(warp < 0.5, {"worst": warp}) for warp in np.linspace(0, 1, 200)]
    calibration = fit(samples, "test")
    assert calibration.probability({"worst": 0.9}) >= calibration.probability({"worst": 0.1})


def test_a_signal_that_is_missing_has_a_shift_of_its_own() -> None:
    samples = [sample(True, {"worst": 0.9, "agree": 0.9})] * 50 + [sample(False, {"worst": 0.9})] * 50
    samples += [sample(False, {"worst": 0.1, "agree": 0.1})] * 10
    calibration = fit(samples, "test")
    assert calibration.probability({"worst": 0.9, "agree": 0.9}) > 0.7 > 0.4 > calibration.probability({"worst": 0.9})


def test_films_count_the_same_whatever_their_length() -> None:
    long = [sample(False, {"worst": warp}, clip="long") for warp in (0.5, 0.6)] * 150
    short = [sample(True, {"worst": warp}, clip="short") for warp in (0.5, 0.6)] * 5
    calibration = fit(long + short, "test")
    assert calibration.probability({"worst": 0.5}) == pytest.approx(0.5, abs=0.1)


def test_a_calibration_is_read_back_from_its_row() -> None:
    calibration = fit([sample(warp > 0.5, {"worst": warp}) for warp in np.linspace(0, 1, 50)], "test")
    assert from_row("test", as_row(calibration)) == calibration


def test_every_signal_that_is_used_has_a_reason() -> None:
    assert set(USED) <= set(REASON_OF)


def test_the_diagram_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    results = {name: reliability([0.2, 0.7], [False, True]) for name in ("chair", "caps", "films", "folder")}
    draw_reliability(tmp_path / "quality.png", results)
    assert (tmp_path / "quality.png").read_bytes().startswith(b"\x89PNG")
