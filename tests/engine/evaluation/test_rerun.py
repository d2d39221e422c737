"""Study of re-runs: its cases, and what it measures on a film of known masks."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from engine.evaluation.clips import StudyClip
from engine.evaluation.methods import RecipeMethod
from engine.evaluation.rerun import rerun_cases, run_case
from engine.evaluation.rerun_report import as_csv, as_table
from engine.methods.registry import find_recipe
from engine.shared.types import EarlyEnd, Settings
from tests import films


@pytest.fixture
def clip(tmp_path: Path) -> StudyClip:
    film = films.crossing(count=12)
    frames = film.write_images(tmp_path / "frames").parent
    return StudyClip.open("crossing", frames, film.write_labels(tmp_path / "masks"))


def test_a_mask_is_added_in_the_widest_gap(clip):
    cases = list(rerun_cases([clip]))
    assert [(case.given, added) for case, added in cases] == [((0,), 5), ((0, 4, 7, 11), 2)]
    assert all(added not in case.wanted and not set(case.given) & set(case.wanted) for case, added in cases)


def test_a_rerun_is_compared_with_a_run_of_everything(clip, tmp_path):
    recipe = find_recipe("colour")
    method = RecipeMethod("colour", recipe, None, Settings(height=96), "unknown")
    said: list[str] = []
    never, out = EarlyEnd(0), tmp_path / "out"
    runs = [run_case(case, added, method, out, said.append, early_end=never) for case, added in rerun_cases([clip])]
    assert [(run.frames, run.computed) for run in runs] == [(12, 11), (12, 3)]
    assert 0.95 < runs[1].kept_worst <= runs[1].kept_mean <= 1
    assert runs[1].changed_score == pytest.approx(runs[1].full_score, abs=2)
    assert runs[1].changed_seconds > 0
    again = [run_case(case, added, method, out, said.append, early_end=never) for case, added in rerun_cases([clip])]
    assert again == runs
    assert len(said) == 6, "finished cases are reused"
    assert as_table(runs)[2][4] == "3 of 12 (25%)"
    assert [row["computed"] for row in csv.DictReader(as_csv(runs).splitlines())] == ["11", "3"]
