"""Study of edges: its films are exact, its measures are those of the papers, and its reports say what was measured."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.evaluation.edge_films import CALIBRATION, STUDY, edge_films
from engine.evaluation.edge_mattes import make
from engine.evaluation.edge_measures import gradient_error, near_edge, scores
from engine.evaluation.edge_sizes import _measure
from engine.evaluation.edges import BILINEAR, DETAIL, GUIDED, SETTINGS, EdgeResult, film_results
from engine.evaluation.edges_report import as_csv, as_table, worse_than_bilinear, write_sheet
from engine.shared.types import Settings


def ramp(width: float, shift: float = 0) -> np.ndarray:
    """Return an alpha (60, 80) that rises over `width` pixels."""
    return np.tile(np.clip((np.arange(80, dtype=np.float32) - 39.5 - shift) / width + 0.5, 0, 1), (60, 1))


@pytest.mark.parametrize("film", edge_films(STUDY)[:1] + edge_films(CALIBRATION)[3:6], ids=lambda film: film.name)
def test_films_are_made_of_their_alpha_and_the_same_each_time(film):
    film = replace(film, size=(400, 640))
    picture, alpha = film.frame(3)
    again, same = replace(film).frame(3)
    assert (picture == again).all() and (alpha == same).all()
    assert alpha.min() == 0 and alpha.max() == pytest.approx(1, abs=1e-3)
    assert 0.005 < ((alpha > 0.02) & (alpha < 0.98)).mean() < 0.3  # soft edges
    assert picture.shape == (*film.size, 3) and picture.dtype == np.uint8


def test_a_shutter_blurs_by_how_far_the_object_moves():
    film = edge_films(CALIBRATION)[4]
    assert film.name == "motion blur"
    film = replace(film, size=(500, 800))
    _, blurred = film.frame(5)
    _, sharp = replace(film, shutter=0.0).frame(5)
    soft = [((alpha > 0.05) & (alpha < 0.95)).sum() for alpha in (blurred, sharp)]
    assert soft[0] > 4 * soft[1] and blurred.sum() == pytest.approx(sharp.sum(), rel=0.02)


def test_sets_share_neither_seeds_nor_textures_of_the_same_object():
    calibration, study = edge_films(CALIBRATION), edge_films(STUDY)
    assert not {film.seed for film in calibration} & {film.seed for film in study}
    used = {(film.object, film.behind, film.textured) for film in calibration}
    assert not used & {(film.object, film.behind, film.textured) for film in study}


def test_measures_of_known_mattes():
    true = ramp(1)
    perfect = scores(true, true, (true, true))
    assert (perfect.sad, perfect.mse, perfect.gradient, perfect.flicker) == (0, 0, 0, 0)
    assert perfect.boundary == perfect.region == 1
    shifted = ramp(1, 3)
    assert scores(shifted, true).sad == pytest.approx(0.18, rel=1e-3)  # 60 rows by 3 pixels, in thousands
    assert scores(shifted, true).mse == pytest.approx(1000 * 3 / 80, rel=1e-3)
    assert scores(shifted, true).boundary == 0 and scores(ramp(1, 2), true).boundary == 1
    assert scores(true, true, (shifted, true)).flicker == pytest.approx(100 * np.sqrt(3 / 80), rel=1e-3)


def test_the_gradient_error_tells_a_blurred_edge_and_not_a_constant():
    assert gradient_error(ramp(10), ramp(1)) > gradient_error(ramp(4), ramp(1)) > 0
    assert gradient_error(np.full((60, 80), 0.3, np.float32), np.zeros((60, 80), np.float32)) < 1e-6


def test_near_the_edge_is_within_a_band():
    near = near_edge(ramp(1))
    assert near[:, 40].all() and not near[:, :20].any() and not near[:, 60:].any()
    assert not near_edge(np.zeros((9, 9), np.float32)).any()


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> tuple[Path, list[EdgeResult]]:
    """Run the study on a small film: half a second of it, at a third of the size."""
    film = replace(edge_films(CALIBRATION)[7], frames=5, size=(360, 640))
    out = tmp_path_factory.mktemp("edges")
    return out, list(film_results([film], out, Settings(height=160), lambda text: None))


def test_the_study_measures_every_setting_and_guided_beats_bilinear(results):
    _, found = results
    by_name = {result.setting: result.scores for result in found}
    assert list(by_name) == [setting.name for setting in SETTINGS]
    for name in (GUIDED, DETAIL):
        assert by_name[name].near_sad < 0.6 * by_name[BILINEAR].near_sad
        assert by_name[name].gradient < 0.5 * by_name[BILINEAR].gradient
        assert by_name[name].boundary >= by_name[BILINEAR].boundary


def test_finished_films_are_reused(results):
    out, _ = results
    film = replace(edge_films(CALIBRATION)[7], frames=5, size=(360, 640))
    said: list[str] = []
    make(film, out / "films" / "camouflage", Settings(height=160), said.append)
    assert not said


def test_reports_hold_every_score_and_name_losses(results, tmp_path):
    out, found = results
    table = as_table(found)
    assert len(table) == 1 + len(SETTINGS) and {len(row) for row in table} == {11}
    rows = list(csv.DictReader(as_csv(found).splitlines()))
    assert [float(row["near_sad"]) for row in rows] == [result.scores.near_sad for result in found]
    bad = replace(found[1], scores=replace(found[1].scores, boundary=found[0].scores.boundary - 0.1))
    assert any("F -10.00" in line for line in worse_than_bilinear([found[0], bad]))
    film = replace(edge_films(CALIBRATION)[7], frames=5, size=(360, 640))
    made = make(film, out / "films" / "camouflage", Settings(height=160), lambda text: None)
    write_sheet(tmp_path / "edges.png", [made])
    sheet = cv2.imread(str(tmp_path / "edges.png"))
    assert sheet.shape[1] == 5 * 322 and sheet.std() > 10


def test_memory_and_time_are_those_of_one_refinement():
    class Answer:
        def send(self, values):
            self.values = values

        def close(self):
            pass

    answer = Answer()
    picture, alpha = np.zeros((90, 160, 3), np.uint8), np.zeros((90, 160), np.float32)
    cv2.circle(alpha, (80, 45), 30, (1.0,), -1)
    _measure(answer, "guided", (1080, 1920), picture, alpha)
    seconds, elapsed, memory = answer.values
    assert 0 < seconds < 20 and elapsed > 0 and (memory is None or 0 < memory < 500)
