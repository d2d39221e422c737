"""The study of fusion: what it runs, that it fuses as a job does, and its tables by distance."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.evaluation.clips import Case
from engine.evaluation.fusion import CANDIDATES, keyframes_by_object, mean, nearest, pool, run_study, two_sided_cases
from engine.evaluation.fusion_report import draw, tables, write_report
from engine.evaluation.measures import Measurement
from engine.evaluation.methods import RecipeMethod
from engine.evaluation.parts import StudyPart
from engine.evaluation.running import Run
from engine.media.label_images import read_matte
from engine.methods.registry import find_recipe
from engine.shared.matte_folder import MatteFolder
from engine.shared.types import Settings
from tests import films
from tests.engine.evaluation.test_clips import clip_of

KEYMATTE = RecipeMethod("keymatte", find_recipe("keymatte"), None, Settings(height=64, device="cpu"), "unknown")


@pytest.fixture
def case(tmp_path) -> Case:
    clip = clip_of(films.crossing(count=9), tmp_path / "crossing")
    part = StudyPart("folder-mine", "my clips", (Case("folder-mine", "crossing", clip, (0,), (1, 2)),))
    (case,) = two_sided_cases([part], pytest.fail)
    return case


def test_frames_between_the_given_masks_are_predicted(case):
    assert (case.part, case.name, case.given, case.wanted) == ("folder", "crossing-0-8", (0, 8), tuple(range(1, 8)))
    assert keyframes_by_object(case, "unknown") == {1: (0, 8), 2: (0, 8)}


def test_a_clip_with_too_few_masks_is_named_and_left_out(tmp_path):
    clip = clip_of(films.crossing(count=4), tmp_path / "short", marked=(1, 2))
    said: list[str] = []
    case = Case("folder", "short", clip, (1,), (2,))
    assert two_sided_cases([StudyPart("folder", "", (case,))], said.append) == []
    assert said == ["clip short has no mask between its first and its last one; it is left out."]


def test_candidates_are_exact_at_keyframes_and_equal_where_sweeps_agree():
    first, second = np.full((8, 8), 0.2, np.float32), np.full((8, 8), 0.9, np.float32)
    for fuse in CANDIDATES.values():
        assert np.allclose(fuse(first, second, 0.0), first, atol=1e-6)
        assert np.allclose(fuse(first, second, 1.0), second, atol=1e-6)
        assert np.allclose(fuse(second, second, 0.4), second, atol=1e-6)
    assert mean(first, second, 0.25)[0, 0] == pytest.approx(0.375)
    assert pool(first, second, 0.5)[0, 0] == pytest.approx(0.6)  # odds 1/4 and 9, whose geometric mean is 3/2
    assert nearest(first, second, 0.6)[0, 0] == pytest.approx(0.9)


def test_the_study_fuses_as_a_job_does_and_reuses_finished_runs(case, tmp_path):
    runs = list(run_study([case], KEYMATTE, tmp_path / "out", lambda words: None))
    assert [run.method for run in runs] == ["forward", "backward", *CANDIDATES]
    folders = {run.method: run.folder for run in runs}
    job = MatteFolder(tmp_path / "job")
    replace(KEYMATTE, direction=None).run(case, job.root, lambda done, total: None)
    apart = 0.0
    for frame in case.wanted:
        for object_id in case.objects:
            made = {name: read_matte(folder.matte(object_id, 5 + frame)) for name, folder in folders.items()}
            assert np.abs(made["fused"] - read_matte(job.matte(object_id, 5 + frame))).max() <= 1.01 / 255
            weight = frame / 8  # of the backward sweep
            mixed = (1 - weight) * made["forward"] + weight * made["backward"]
            assert np.abs(made["mean"] - mixed).max() <= 0.51 / 255
            apart = max(apart, float(np.abs(made["forward"] - made["backward"]).max()))
    assert apart > 0.05, "the sweeps differ somewhere, or this test says nothing"
    stamps = {run.method: run.folder.labels(6).stat().st_mtime_ns for run in runs}
    again = list(run_study([case], KEYMATTE, tmp_path / "out", lambda words: None))
    assert {run.method: run.folder.labels(6).stat().st_mtime_ns for run in again} == stamps
    assert [run.measured for run in again] == [run.measured for run in runs]


def run_of(case: Case, method: str, regions: dict[int, float], place: Path) -> Run:
    measured = tuple(Measurement(1, 5 + frame, 0.1, True, j, j, j, 100 * j) for frame, j in regions.items())
    return Run(case, method, MatteFolder(place), 0.0, measured)


def test_scores_are_averaged_by_distance_to_the_nearest_keyframe(case, tmp_path):
    regions = {1: 0.9, 2: 0.8, 3: 0.6, 4: 0.5, 5: 0.7, 6: 0.7, 7: 0.8}  # frames 0 and 8 are given
    runs = [run_of(case, "fused", regions, tmp_path), run_of(case, "mean", dict.fromkeys(regions, 0.5), tmp_path)]
    found = tables(runs, "unknown")
    assert list(found) == ["folder: J&F", "folder: dtSSD"]
    assert found["folder: J&F"] == [
        ("frames to the nearest keyframe", "1", "2-3", "4-7", "8-15", "16+", "all"),
        ("fused", "85.00", "70.00", "50.00", "-", "-", "71.43"),
        ("mean", "50.00", "50.00", "50.00", "-", "-", "50.00"),
    ]
    assert found["folder: dtSSD"][1] == ("fused", "85.00", "70.00", "50.00", "-", "-", "71.43")
    assert write_report(tmp_path, runs, "unknown") == found
    with (tmp_path / "fusion.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["measure"], row["method"], row["2-3"]) for row in rows] == [
        ("J&F", "fused", "70.00"),
        ("J&F", "mean", "50.00"),
        ("dtSSD", "fused", "70.00"),
        ("dtSSD", "mean", "50.00"),
    ]
    assert "| fused | 85.00 | 70.00 | 50.00 | - | - | 71.43 |" in (tmp_path / "fusion.md").read_text(encoding="utf-8")


def test_tables_are_plotted(case, tmp_path):
    pytest.importorskip("matplotlib", reason="plots need matplotlib")
    draw(tmp_path / "fusion.png", tables([run_of(case, "fused", {1: 0.9, 2: 0.8}, tmp_path)], "unknown"))
    assert (tmp_path / "fusion.png").read_bytes().startswith(b"\x89PNG")
