"""Splines fitted to mattes: few points and keys that stay at their place of the object, whatever happens to it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.evaluation.known_motion import KnownFilm, drawn, known_films
from engine.media.label_images import read_labels
from engine.splines.fitting import MAX_POINTS, MIN_POINTS, MOST_POINTS
from engine.splines.vectorise import fit_splines

from .shapes import SIZE, disc, iou, points_on, splines

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


def test_object_that_vanishes_and_returns_has_a_track_for_each_time():
    empty = np.zeros(SIZE, np.float32)
    frames = [disc(50 + t, 60, 20) if t < 6 or t > 9 else empty for t in range(16)]
    tracks = splines(*frames)
    assert [(track.first, track.last) for track in tracks] == [(0, 5), (10, 15)]
    assert tracks[0].at(7) is None


def test_frames_without_a_matte_end_a_track():
    tracks = fit_splines((frame, disc(50, 60, 20)) for frame in (3, 4, 5, 9, 10))
    assert [(track.first, track.last) for track in tracks] == [(3, 5), (9, 10)]


def test_one_frame_has_one_key():
    matte = disc(60, 60, 30)
    (track,) = splines(matte)
    assert track.keys.tolist() == [0]
    assert iou([track], 0, matte) > 0.98


def test_whole_frame_is_a_rectangle():
    (track,) = splines(*[np.ones(SIZE, np.float32)] * 4)
    assert np.count_nonzero(track.corners) == 4
    assert track.keys.tolist() == [0, 3]
    corners = points_on(track, 2)[track.corners]
    for true in (0, 160, 160 + 120j, 120j):
        nearest = corners[np.abs(corners - true).argmin()] - (80 + 60j)
        outside = np.abs([nearest.real, nearest.imag]) - (80, 60)
        assert (outside > 0).all()  # no pixel at the border is lost
        assert (outside < 3).all()
    assert iou([track], 1, np.ones(SIZE)) == 1


def test_mattes_of_nothing_have_no_tracks():
    assert splines(np.zeros(SIZE, np.float32)) == []
    assert splines(*[np.full(SIZE, 0.5, np.float32)] * 3) == []
    assert fit_splines([]) == []


def test_three_hundred_parts_are_tracked_each():
    def grid(t: int) -> np.ndarray:
        matte = np.zeros((300, 400), np.float32)
        for k in range(300):
            cv2.circle(matte, (10 + 20 * (k % 20) + t, 10 + 20 * (k // 20)), 6, 1.0, -1)
        return matte

    frames = [grid(t) for t in range(3)]
    tracks = splines(*frames)
    assert len(tracks) == 300
    assert {(track.first, track.last) for track in tracks} == {(0, 2)}
    assert min(iou(tracks, frame, matte) for frame, matte in enumerate(frames)) > 0.9


def test_hair_ball_gets_more_points_but_not_endlessly_many():
    rng = np.random.default_rng(1)
    angles = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    frames = []
    for _ in range(5):
        radius = 35 + 15 * rng.random(400)
        frames.append(drawn(radius * np.exp(1j * angles) + 80 + 60j, SIZE))
    tracks = splines(*frames)
    assert MAX_POINTS < len(tracks[0].corners) <= MOST_POINTS
    assert len(tracks) < 40  # what the hairs enclose is not vectorised one by one
    assert all(np.isfinite(track.points).all() for track in tracks)
    assert min(iou(tracks, frame, matte) for frame, matte in enumerate(frames)) > 0.88


def test_feather_is_the_width_of_the_soft_edge():
    (hard,) = splines(disc(80, 60, 40))
    assert hard.feather.max() == 0
    (soft,) = splines(*(disc(80, 60, 40, edge=10) for _ in range(3)))
    assert soft.feather == pytest.approx(8, abs=0.8)  # from 0.1 to 0.9 of a ramp of 10 pixels


def test_feather_differs_along_an_edge():
    down, across = np.mgrid[:120, :160] + 0.5
    distance = 40 - np.hypot(across - 80, down - 60)
    matte = np.clip(distance / np.where(across < 80, 1, 12) + 0.5, 0, 1).astype(np.float32)
    (track,) = splines(matte)
    left = points_on(track, 0).real < 65
    right = points_on(track, 0).real > 95
    assert track.feather[0, left].max() == 0
    assert track.feather[0, right].min() > 7


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


def test_descending_frames_are_refused():
    with pytest.raises(ValueError, match="frame 3 comes after frame 4"):
        fit_splines([(4, disc(60, 60, 20)), (3, disc(60, 60, 20))])


def test_chair_is_followed_with_few_points():
    mattes = [(i, (read_labels(path) == 1).astype(np.float32)) for i, path in enumerate(sorted(CHAIR.glob("*.png")))]
    mattes = mattes[:30]
    tracks = fit_splines(mattes)
    scores = [iou(tracks, frame, matte) for frame, matte in mattes]
    assert np.mean(scores) > 0.97
    assert min(scores) > 0.93
    assert all(MIN_POINTS <= len(track.corners) <= MAX_POINTS for track in tracks)
