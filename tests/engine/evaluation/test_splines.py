"""Study of splines: what it measures on films of known motion and known masks."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.evaluation.clips import StudyClip
from engine.evaluation.known_motion import known_films
from engine.evaluation.methods import RecipeMethod
from engine.evaluation.spline_raster import painted
from engine.evaluation.splines import KNOWN, PREDICTED, TRUE, clip_results, jitter, known_results, measured
from engine.evaluation.splines_report import as_csv, as_table, write_sheet
from engine.methods.registry import find_recipe
from engine.shared.splines import SplineTrack
from engine.shared.types import Settings
from tests import films


@pytest.fixture
def clip(tmp_path: Path) -> StudyClip:
    film = films.crossing(count=12)
    frames = film.write_images(tmp_path / "frames").parent
    return StudyClip.open("crossing", frames, film.write_labels(tmp_path / "masks"))


def square(*places: complex, hole: bool = False, half: float = 10.0) -> SplineTrack:
    """Return the track of a square around a place on each frame, all of them keys."""
    corners = half * np.array([-1 - 1j, -1 + 1j, 1 + 1j, 1 - 1j])[:: -1 if hole else 1]
    points = np.array([corners + place for place in places])
    shapes = np.repeat(np.stack([points.real, points.imag], axis=-1)[:, :, None], 3, axis=2)
    count = len(places)
    return SplineTrack(
        0, hole, 0, count - 1, np.arange(count), shapes.astype(np.float32), np.zeros((count, 4), np.float32),
        np.ones(4, bool), np.zeros((count, 2), np.float32),
    )  # fmt: skip


def test_splines_of_true_masks_and_of_mattes_are_measured(clip, tmp_path):
    method = RecipeMethod("colour", find_recipe("colour"), None, Settings(height=96), "unknown")
    said: list[str] = []
    results = list(clip_results(clip, method, tmp_path / "out", said.append))
    assert {result.source for result in results} == {TRUE, PREDICTED}
    for result in (result for result in results if result.source == TRUE):
        assert result.frames == 12
        assert result.iou_mean > 0.95
        assert result.slip is None
        assert 0 < result.keys <= result.shown
    rows = list(csv.DictReader(as_csv(results).splitlines()))
    assert [row["source"] for row in rows] == [result.source for result in results]
    assert as_table(results)[-1][:3] == ("all", f"{sum(r.source == PREDICTED for r in results)}", PREDICTED)
    sheet = tmp_path / "sheet.png"
    write_sheet(sheet, clip, results)
    picture = cv2.imread(str(sheet))
    assert picture.shape[1] > 3 * 500
    assert (picture == (80, 220, 255)).all(axis=2).any() or (picture == 255).all(axis=2).any(), "points are drawn"


def test_slip_is_measured_where_the_motion_is_known():
    films_ = known_films()
    (result,) = known_results([film for film in films_ if film.name == "turning square"])
    assert result.source == KNOWN
    assert result.slip is not None
    assert result.slip < 1
    assert result.jitter < 0.5


def test_jitter_is_motion_beside_the_objects_own():
    steady = square(*(20 + 20j + 3 * t for t in range(8)))
    assert jitter([steady]) == pytest.approx(0, abs=1e-4)
    shaken = square(*(20 + 20j + 3 * t for t in range(8)))
    shaken.points[1::2, 0, :, 0] += 2  # one corner, on every other frame
    assert jitter([shaken]) > 1
    assert jitter([square(20 + 20j)]) == 0


def test_islands_lie_in_holes():
    tracks = [square(30 + 30j, half=4), square(30 + 30j, half=10, hole=True), square(30 + 30j, half=20)]
    picture = painted(tracks, 0, (60, 60))
    assert [bool(picture[30, x]) for x in (30, 23, 15, 5)] == [True, False, True, False]
    assert np.count_nonzero(picture) == 40**2 - 20**2 + 8**2
    assert painted(tracks, 0, (60, 60), scale=2).sum() == 4 * np.count_nonzero(picture)
    assert not painted(tracks, 1, (60, 60)).any(), "tracks are visible on frame 0 only"


def test_keys_are_counted_once_for_a_part_and_its_holes():
    frame = np.zeros((100, 120), np.float32)
    frame[20:80, 20:80] = 1
    frame[30:50, 30:50] = frame[60:72, 60:72] = 0
    result = measured("holes", 1, TRUE, [(k, np.roll(frame, k, axis=1)) for k in range(9)])
    assert (result.tracks, result.parts) == (3, 1)
    assert (result.keys, result.shown) == (2, 9)
    assert result.left_out == 0


def test_an_object_without_mattes_is_reported():
    result = measured("empty", 1, TRUE, [(0, np.zeros((20, 20), np.float32))])
    assert (result.tracks, result.keys, result.iou_mean) == (0, 0, 1.0)
