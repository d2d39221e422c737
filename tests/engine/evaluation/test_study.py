"""The study's baselines, measures, reused runs and reports."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional

from engine.evaluation.baselines import CopyBaseline, FlowBaseline, by_nearest_keyframe
from engine.evaluation.clips import Case, StudyClip, evenly_spaced_case
from engine.evaluation.measures import Measurement, MeasurementRow, flicker, means, measure
from engine.evaluation.methods import RecipeMethod, find_baseline
from engine.evaluation.neighbour import STRIDE, FeatureBaseline
from engine.evaluation.parts import StudyPart
from engine.evaluation.report import as_csv, below_flow, by_clip, tables
from engine.evaluation.running import Run, run_case
from engine.evaluation.sheets import write_sheet
from engine.evaluation.variants import VARIANTS
from engine.media.label_images import write_labels
from engine.methods.registry import find_recipe
from engine.shared.matte_folder import MatteFolder
from engine.shared.types import Settings
from tests import films
from tests.engine.evaluation.test_clips import clip_of
from tests.films import write_matte

LOW = Settings(height=64, device="cpu")


# -- baselines ---------------------------------------------------------------------------------------------------------
def test_chains_start_at_the_nearest_keyframe():
    assert list(by_nearest_keyframe((2, 6), range(10))) == [
        (2, range(3, 5)),  # frame 4 is equally near to both: the earlier keyframe gets it
        (2, range(1, -1, -1)),
        (6, range(7, 10)),
        (6, range(5, 4, -1)),
    ]
    assert list(by_nearest_keyframe((0, 9), range(7, 8))) == [(9, range(8, 6, -1))]  # frame 8 is passed on the way


def reader_of(film: films.Film):
    return lambda frame: torch.from_numpy(film.frames[frame]).permute(2, 0, 1)[None].float() / 255


def given_of(film: films.Film, frame: int) -> dict[int, torch.Tensor]:
    return {frame: torch.from_numpy(film.mask(frame, 1))[None].float()}


def overlap(masks: torch.Tensor, film: films.Film, frame: int) -> float:
    made, true = masks[0].numpy() > 0.5, film.mask(frame, 1)
    return (made & true).sum() / (made | true).sum()


def bright_disc() -> films.Film:
    """Return a film of a moving disc that is brighter than its background, because optical flow ignores colours."""
    disc = films.Shape(1, "disc", 18, (235, 230, 220), lambda frame: (25 + 4 * frame, 40 + frame))
    return films.render([disc], count=12)


def test_flow_follows_motion_and_a_copy_does_not():
    film = bright_disc()
    last = {}
    for make in (CopyBaseline, FlowBaseline):
        for frame, masks in zip(range(1, 12), make(reader_of(film), given_of(film, 0)).propagate(0, range(1, 12))):
            last[make] = overlap(masks, film, frame)
    assert last[CopyBaseline] < 0.2
    assert last[FlowBaseline] > 0.8


def test_flow_goes_backward_too():
    film = bright_disc()
    *_, masks = FlowBaseline(reader_of(film), given_of(film, 11)).propagate(11, range(10, -1, -1))
    assert overlap(masks, film, 0) > 0.8


def test_neighbour_baseline_copies_labels_of_the_most_similar_cells():
    film = films.moving_disc(count=6)
    baseline = FeatureBaseline(
        lambda image: functional.avg_pool2d(image - 0.4, STRIDE), reader_of(film), given_of(film, 0)
    )
    *_, masks = baseline.propagate(0, range(1, 6))
    assert masks.shape == (1, 96, 128)
    assert overlap(masks, film, 5) > 0.6
    assert overlap(given_of(film, 0)[0], film, 5) < 0.1


# -- measures ----------------------------------------------------------------------------------------------------------
def test_flicker_is_change_that_the_truth_does_not_have():
    empty, full = np.zeros((4, 4)), np.ones((4, 4))
    corner = empty.copy()
    corner[0, 0] = 1
    assert flicker(empty, full, empty, full) == 0
    assert flicker(empty, corner, empty, empty) == pytest.approx(100 * (1 / 16) ** 0.5)
    assert flicker(full, full, empty, empty) == 0  # wrong, but steadily so
    assert flicker(empty, 0.5 * full, empty, full) == pytest.approx(50)


def test_results_are_measured_by_frame_and_object(tmp_path):
    film = films.crossing(count=5)
    case = Case("folder", "crossing", clip_of(film, tmp_path / "crossing"), (0,), (1, 2, 4))
    folder = MatteFolder(tmp_path / "out")
    for frame in (1, 2):  # frame 4 has no results
        write_labels(folder.labels(5 + frame), film.labels[frame])
        write_matte(folder.matte(1, 5 + frame), film.mask(frame, 1) * 1.0)
    rows = {(row.object_id, row.number): row for row in measure(case, folder)}
    assert set(rows) == {(object_id, number) for object_id in (1, 2) for number in (6, 7, 9)}
    assert rows[1, 6].region == rows[1, 6].contour == rows[1, 6].edge == 1
    assert rows[1, 9].region == rows[1, 9].contour == 0
    assert rows[1, 7].flicker == 0
    assert rows[1, 6].flicker is None and rows[1, 9].flicker is None  # the frame before was given, or has no mask
    assert rows[2, 6].first_share == pytest.approx(film.mask(0, 2).mean())


def row_of(
    clip: str, object_id: int, score: float, *, share: float = 0.1, counts: bool = True, **more
) -> MeasurementRow:
    measured = Measurement(object_id, 1, share, True, score, score, score / 2, more.get("flicker"))
    return MeasurementRow("part", clip, clip, "method", measured, counts)


def test_means_go_over_frames_and_then_over_objects():
    rows = [row_of("a", 1, 1.0), row_of("a", 1, 0.5), row_of("a", 1, 0.0), row_of("b", 1, 1.0)]
    assert means(rows).j_and_f == pytest.approx(75)
    assert means(rows).edge == pytest.approx(37.5)
    assert means(rows).small is None and means(rows).flicker is None
    assert means([*rows, row_of("b", 2, 0.0, counts=False)]) == means(rows)
    assert means([*rows, row_of("c", 1, 0.2, share=0.009)]).small == pytest.approx(20)
    assert means([]).j_and_f is None


# -- runs --------------------------------------------------------------------------------------------------------------
@pytest.fixture
def case(tmp_path) -> Case:
    return evenly_spaced_case("folder", clip_of(films.crossing(count=6), tmp_path / "crossing"))


def test_finished_run_is_reused_until_an_input_changes(tmp_path, case):
    colour = RecipeMethod("colour", find_recipe("colour"), None, LOW, "unknown")
    first = run_case(case, colour, tmp_path / "out", lambda words: None)
    stamp = first.folder.labels(6).stat().st_mtime_ns
    kept = run_case(case, colour, tmp_path / "out", lambda words: None)
    assert kept == first and kept.folder.labels(6).stat().st_mtime_ns == stamp
    changed = replace(colour, settings=replace(LOW, overrides={"read.top_k": "1"}))
    assert run_case(case, changed, tmp_path / "out", lambda words: None).measured != first.measured
    assert run_case(case, colour, tmp_path / "out", lambda words: None) == first  # other settings use another folder
    again = run_case(case, colour, tmp_path / "out", lambda words: None, again=True)
    assert again.folder.labels(6).stat().st_mtime_ns > stamp
    write_labels(case.clip.masks[3], np.zeros_like(case.clip.labels(3)))
    moved = evenly_spaced_case("folder", StudyClip.open("crossing", case.clip.clip.path, case.clip.masks[0].parent))
    assert run_case(moved, colour, tmp_path / "out", lambda words: None).measured != first.measured


def test_every_method_fills_every_wanted_frame_and_object(tmp_path):
    high = replace(LOW, height=192)  # cells of 16 pixels must show the star
    film = films.late_entry(count=9, height=192, width=256, enters=3)
    clip = clip_of(film, tmp_path / "late")
    case = Case("caps", "late", clip, (0, 6), (1, 2, 3, 4, 5, 7, 8))
    keymatte = RecipeMethod("keymatte", find_recipe("keymatte"), None, high, "unknown")
    for method in (keymatte, *(find_baseline(name, high, "unknown") for name in ("copied", "flow", "neighbour"))):
        run = run_case(case, method, tmp_path / "out", lambda words: None)
        assert {(row.object_id, row.number) for row in run.measured} == {
            (object_id, 5 + frame) for object_id in (1, 2) for frame in case.wanted
        }
        assert run.seconds > 0
        near = next(row for row in run.measured if (row.object_id, row.number) == (2, 5 + 7))
        assert near.region > 0.25, f"{method.name} lost the star right beside its keyframe"


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_every_variant_is_one_of_the_default_recipe(variant):
    recipe, numbers = find_recipe("keymatte").with_settings(variant.settings)
    recipe.bank(numbers, recipe.build(numbers, {}), 10)
    _, default = find_recipe("keymatte").with_settings({})
    changed = {name for name, number in default.items() if numbers.get(name, number) != number}
    assert changed <= set(variant.settings), "an ablation changes one thing"


# -- report ------------------------------------------------------------------------------------------------------------
def run_with_scores(case: Case, method: str, scores: tuple[float, ...]) -> Run:
    rows = tuple(Measurement(1, 6 + at, 0.1, True, score, score, score, None) for at, score in enumerate(scores))
    return Run(case, method, MatteFolder(case.clip.clip.path), 0.25, rows)


def test_report_has_means_all_values_and_clips_where_flow_is_better(case):
    part = StudyPart("folder", "some clips", (case,))
    runs = [run_with_scores(case, "keymatte", (0.5, 0.7)), run_with_scores(case, "flow", (0.9, 0.8))]
    assert tables([part], runs)["some clips"][1:] == [
        ("keymatte", "60.0", "60.0", "60.0", "60.0", "-", "-", "0.250"),
        ("flow", "85.0", "85.0", "85.0", "85.0", "-", "-", "0.250"),
    ]
    assert by_clip(part, runs)[1] == ("crossing", "60.0", "85.0")
    assert below_flow([part], runs, "keymatte") == ["folder/crossing (60.0 < 85.0)"]
    assert below_flow([part], [runs[0], run_with_scores(case, "flow", (0.1, 0.2))], "keymatte") == []
    lines = as_csv(runs).splitlines()
    assert len(lines) == 5
    assert lines[1].startswith("folder,crossing,crossing,keymatte,1,6,0.100000,1,1,0.500000")


def test_sheet_shows_the_masks_of_each_method(tmp_path, case):
    runs = [
        run_case(case, find_baseline(name, LOW, "unknown"), tmp_path / "out", lambda words: None)
        for name in ("copied", "flow")
    ]
    write_sheet(tmp_path / "sheet.png", runs)
    picture = cv2.imread(str(tmp_path / "sheet.png")).astype(int)
    half = len(picture) // 2
    assert (np.abs(picture[:half] - picture[half:]).max(-1) > 60).mean() > 0.002  # the two masks differ
