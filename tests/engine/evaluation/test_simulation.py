"""The simulation of suggestions: what rankings choose, shared runs, scores of unmarked objects, and its tables."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from engine.evaluation.methods import RecipeMethod
from engine.evaluation.rankings import RANKINGS, true_quality
from engine.evaluation.simulation import Scores, Simulator, Situation, Trial
from engine.evaluation.simulation_report import as_csv, as_markdown_report, curves, draw, needed, tables
from engine.methods.registry import find_recipe
from engine.shared.matte_folder import MatteFolder
from engine.shared.types import Settings
from tests import films
from tests.engine.evaluation.test_clips import clip_of


def scores(given: tuple[int, ...], *rows: list[float]) -> Scores:
    return Scores(tuple(range(len(rows[0]))), tuple(range(1, len(rows) + 1)), np.array(rows), given)


def trial(ranking: str, count: int, value: float, *, clip: str = "a", start: str = "first") -> Trial:
    """Return a trial with `count` keyframes on a clip of 10 frames, on which all others score `value`."""
    row = [1.0 if frame < count else value for frame in range(10)]
    return Trial(clip, start, ranking, scores(tuple(range(count)), row))


@pytest.fixture
def simulator(tmp_path):
    """Return a simulator of the recipe `colour` on a film in which a star enters on frame 6."""
    recipe = find_recipe("colour")
    method = RecipeMethod(recipe.name, recipe, None, Settings(height=64, device="cpu"), "absent")
    clip = clip_of(films.late_entry(count=10), tmp_path)
    return Simulator(clip, method, tmp_path / "out", lambda text: None)


# -- rankings ----------------------------------------------------------------------------------------------------------
def test_uniform_is_farthest_in_time_and_worst_has_the_lowest_true_score(simulator):
    situation = Situation(
        simulator.clip, range(10), MatteFolder(simulator.out), None, scores((0,), [1.0, *[0.5] * 4, 0.2, *[0.5] * 4])
    )
    assert RANKINGS["worst"](situation) == 5
    assert RANKINGS["uniform"](situation) == 9
    both_ends = replace(situation, scores=replace(situation.scores, given=(0, 9)))
    assert RANKINGS["uniform"](both_ends) == 4
    everything = replace(situation, scores=replace(situation.scores, given=tuple(range(10))))
    assert RANKINGS["uniform"](everything) is RANKINGS["worst"](everything) is None


def test_true_quality_is_a_half_at_the_limit_and_has_every_object():
    account = true_quality(scores((0,), [1.0, 0.9, 0.5], [0.9, 0.9, 0.9]))
    assert account.quality[1] == {1: pytest.approx(0.5), 2: pytest.approx(0.5)}
    assert account.quality[0][1] > 0.95
    assert account.quality[2][1] < 0.01


# -- simulation --------------------------------------------------------------------------------------------------------
def test_an_object_without_any_keyframe_scores_0_where_it_is_visible(simulator):
    _, found = simulator.run((0,))
    assert found.objects == (1, 2)
    assert list(found.values[1]) == [1.0] * 6 + [0.0] * 4
    assert found.values[0, 0] == 1.0
    _, both = simulator.run((0, 8))
    assert both.values[1, 8] == 1.0
    assert both.mean > found.mean
    assert both.mean_predicted < both.mean
    assert found.on(9) == pytest.approx(found.values[0, 9] / 2)


@pytest.mark.parametrize("name", RANKINGS)
def test_every_ranking_adds_one_true_mask_after_another(simulator, name):
    trials = [*simulator.trials("first", 0, name, RANKINGS[name], simulator.keys(), 3)]
    assert [trial.keyframes for trial in trials][:2] == [1, 2]
    assert trials[-1].scores.mean > trials[0].scores.mean
    for before, after in zip(trials, trials[1:]):
        assert set(before.scores.given) < set(after.scores.given)


def test_runs_from_the_same_keyframes_are_shared_and_reused(simulator):
    first = [*simulator.trials("first", 0, "uniform", RANKINGS["uniform"], simulator.keys(), 1)]
    stamps = {path: path.stat().st_mtime_ns for path in simulator.out.rglob("*.png")}
    again = [*simulator.trials("first", 0, "another", RANKINGS["uniform"], simulator.keys(), 1)]
    assert [trial.scores.mean for trial in again] == [trial.scores.mean for trial in first]
    assert stamps == {path: path.stat().st_mtime_ns for path in simulator.out.rglob("*.png")}


def test_only_frames_with_true_masks_become_keyframes(simulator):
    few = {frame: path for frame, path in simulator.clip.masks.items() if frame in (0, 4, 7)}
    sparse = replace(simulator, clip=replace(simulator.clip, masks=few))
    assert sparse.span == range(8)
    for name, ranking in RANKINGS.items():
        *_, last = sparse.trials("first", 0, name, ranking, sparse.keys(), 5)
        assert set(last.scores.given) <= {0, 4, 7}
    assert last.scores.given == (0, 4, 7)
    assert last.scores.mean_predicted is None
    assert sparse.first_suggested(sparse.keys()) in few


# -- report ------------------------------------------------------------------------------------------------------------
TRIALS = [
    *(trial("ours", count, value) for count, value in ((1, 0.5), (2, 0.9), (3, 0.95))),
    *(trial("uniform", count, value) for count, value in ((1, 0.5), (2, 0.6))),
    *(trial("ours", count, value, clip="b") for count, value in ((1, 0.7),)),
    *(trial("uniform", count, value, clip="b") for count, value in ((1, 0.7), (2, 0.7), (3, 0.7))),
]


def test_curves_continue_with_the_last_value_and_average_over_clips():
    assert curves(TRIALS)["first"] == {
        "ours": pytest.approx([(55 + 73) / 2, (92 + 73) / 2, (96.5 + 73) / 2]),
        "uniform": pytest.approx([(55 + 73) / 2, (68 + 76) / 2, (68 + 79) / 2]),
    }
    assert curves(TRIALS, predicted=True)["first"]["ours"] == pytest.approx([60, 80, 82.5])


def test_keyframes_needed_are_counted_and_those_of_a_failure_count_one_more_than_tried():
    assert needed(TRIALS[:3]) == 2
    assert needed(TRIALS[3:5]) is None
    table = tables(TRIALS)["Keyframes to reach 90 J&F, start: first"]
    assert table == [
        ("clip", "ours", "uniform"),
        ("a", "2", "> 3"),
        ("b", "> 3", "> 3"),
        ("sum (> 3 as 4)", "6", "8"),
    ]


def test_reports_hold_every_trial(tmp_path):
    rows = [*csv.DictReader(io.StringIO(as_csv(TRIALS, {"a": tuple(range(100, 110)), "b": tuple(range(10))})))]
    assert len(rows) == len(TRIALS)
    assert rows[1] == {
        "clip": "a", "start": "first", "ranking": "ours", "keyframes": "2", "frames": "100 101", "J&F": "92.00",
        "J&F without keyframes": "90.00",
    }  # fmt: skip
    text = as_markdown_report(TRIALS)
    assert "| ours | 64.0 | 82.5 | 84.8 |" in text
    pytest.importorskip("matplotlib", reason="the plot needs matplotlib")
    draw(tmp_path / "suggest.png", TRIALS)
    assert (tmp_path / "suggest.png").read_bytes().startswith(b"\x89PNG")
