"""Splines fitted to mattes: few points and keys that stay at their place of the object, whatever happens to it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.evaluation.known_motion import KnownFilm, drawn, known_films
from engine.media.label_images import read_labels
from engine.splines.fitting import MAX_POINTS, MIN_POINTS
from engine.splines.vectorise import fit_splines

from .shapes import disc, iou, points_on, splines

CHAIR = Path(__file__).parents[2] / "clips" / "chair" / "masks"


def known(name: str) -> KnownFilm:
    return next(film for film in known_films() if film.name == name)


def test_corners_of_a_turning_square_stay_at_its_corners():
    film = known("turning square")
    (track,) = fit_splines(film.mattes())
    assert np.count_nonzero(track.corners) == 4
    assert len(track.corners) == MIN_POINTS
    for frame in range(48):
        true = film.outlines[frame][[0, 600, 1200, 1800]]
        found = points_on(track, frame)[track.corners]
        nearest = np.abs(found[:, None] - true[None])
        assert sorted(nearest.argmin(axis=1)) == [0, 1, 2, 3]
        assert nearest.min(axis=1).max() < 1.5
    assert film.slip(track).max() < 2


def test_linear_motion_needs_no_keys_but_the_ends():
    square = known("turning square").outlines[0]
    (track,) = fit_splines((t, drawn(square + 2.3 * t - 20 + 0.7j * t)) for t in range(30))
    assert track.keys.tolist() == [0, 29]
    (track,) = splines(*(disc(40 + 2.5 * t, 50 + t, 30) for t in range(25)))
    assert track.keys.tolist() == [0, 24]
    assert not track.corners.any()
    for frame in range(25):
        centre = points_on(track, frame) - (40 + 2.5 * frame + 1j * (50 + frame))
        assert np.abs(np.abs(centre) - 30).max() < 0.5
        assert np.abs(centre - (points_on(track, 0) - (40 + 50j))).max() < 0.5


@pytest.mark.parametrize("name", ["accelerating square", "growing star", "bending shape"])
def test_points_follow_their_place_of_the_object(name):
    film = known(name)
    (track,) = fit_splines(film.mattes())
    slips = film.slip(track)
    assert slips.mean() < 2
    assert len(track.keys) < 0.2 * len(film.outlines)
    assert track.error[:, 0].max() <= 1.05
    assert track.error[:, 1].max() <= 2.1
    assert min(iou([track], frame, matte) for frame, matte in film.mattes()) > 0.93


def test_drift_does_not_add_up():
    square = known("turning square").outlines[0] - (160 + 120j)
    outlines = np.array([square * np.exp(0.02j * t) + 160 + 120j for t in range(150)])
    film = KnownFilm("long turn", outlines)
    (track,) = fit_splines(film.mattes())
    slips = film.slip(track)
    assert slips[:5].max() < 2
    assert slips[-5:].max() < 2


def test_hole_is_a_track_of_its_own():
    ring = [disc(60 + t, 60, 50) - disc(70 + t, 55, 20) for t in range(12)]
    tracks = splines(*ring)
    assert [track.hole for track in tracks] == [False, True]
    assert all((track.first, track.last) == (0, 11) for track in tracks)
    hole = points_on(tracks[1], 6) - (76 + 55j)
    assert np.abs(np.abs(hole) - 20).max() < 0.5
    assert min(iou(tracks, frame, matte) for frame, matte in enumerate(ring)) > 0.98


def test_part_that_splits_ends_one_track_and_begins_two():
    frames = [np.maximum(disc(80 - 3 * t, 60, 20), disc(80 + 3 * t, 60, 20)) for t in range(14)]
    tracks = splines(*frames)
    apart = next(t for t in range(14) if cv2.connectedComponents((frames[t] > 0.5).astype(np.uint8))[0] == 3)
    assert [(track.first, track.last) for track in tracks] == [(0, apart - 1), (apart, 13), (apart, 13)]
    centres = sorted(points_on(track, 13).mean().real for track in tracks[1:])
    assert centres == pytest.approx([41, 119], abs=1)
    merged = splines(*frames[::-1])
    lives = sorted((track.first, track.last) for track in merged)
    assert lives == [(0, 13 - apart), (0, 13 - apart), (14 - apart, 13)]


def test_small_part_that_breaks_off_leaves_the_large_one_its_track():
    frames = [np.maximum(disc(60, 60, 40), disc(100 + 3 * t, 60, 9)) for t in range(14)]
    tracks = splines(*frames)
    assert (tracks[0].first, tracks[0].last) == (0, 13)
    assert len(tracks) == 2
    assert tracks[1].last == 13


def test_frames_without_a_matte_end_a_track():
    tracks = fit_splines((frame, disc(50, 60, 20)) for frame in (3, 4, 5, 9, 10))
    assert [(track.first, track.last) for track in tracks] == [(3, 5), (9, 10)]


def test_smooth_points_stay_smooth_between_keys():
    film = known("bending shape")
    (track,) = fit_splines(film.mattes())
    for frame in range(48):
        shown = track.at(frame)
        assert shown is not None
        left, right = shown[:, 0] - shown[:, 1], shown[:, 2] - shown[:, 1]
        cross = left[:, 0] * right[:, 1] - left[:, 1] * right[:, 0]
        sizes = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
        assert np.abs(cross[~track.corners]).max() < 1e-3 * max(sizes.max(), 1)


def test_winding_tells_parts_from_holes():
    tracks = splines(disc(80, 60, 50) - disc(80, 60, 20))
    for track in tracks:
        ring = points_on(track, 0)
        area = (ring.real * np.roll(ring.imag, -1) - ring.imag * np.roll(ring.real, -1)).sum() / 2
        assert (area > 0) == track.hole  # y points down


def test_chair_is_followed_with_few_points():
    mattes = [(i, (read_labels(path) == 1).astype(np.float32)) for i, path in enumerate(sorted(CHAIR.glob("*.png")))]
    mattes = mattes[:30]
    tracks = fit_splines(mattes)
    scores = [iou(tracks, frame, matte) for frame, matte in mattes]
    assert np.mean(scores) > 0.97
    assert min(scores) > 0.93
    assert all(MIN_POINTS <= len(track.corners) <= MAX_POINTS for track in tracks)
