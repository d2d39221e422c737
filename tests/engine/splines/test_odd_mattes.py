"""Mattes that are empty, grey, full, cut by the border, in very many parts or hairy."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engine.evaluation.known_motion import drawn
from engine.evaluation.spline_raster import painted
from engine.splines.fitting import MAX_POINTS, MOST_POINTS
from engine.splines.strands import LeftOut
from engine.splines.vectorise import fit_splines

from .shapes import SIZE, disc, iou, points_on, splines


def test_object_that_vanishes_and_returns_has_a_track_for_each_time():
    empty = np.zeros(SIZE, np.float32)
    frames = [disc(50 + t, 60, 20) if t < 6 or t > 9 else empty for t in range(16)]
    tracks = splines(*frames)
    assert [(track.first, track.last) for track in tracks] == [(0, 5), (10, 15)]
    assert tracks[0].at(7) is None


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
        radius = 30 + 25 * rng.random(400)
        frames.append(drawn(radius * np.exp(1j * angles) + 80 + 60j, SIZE))
    tracks = splines(*frames)
    assert MAX_POINTS < len(tracks[0].corners) <= MOST_POINTS
    assert tracks[0].error[:, 0].min() > 0.5  # no such number of points follows every hair
    assert all(np.isfinite(track.points).all() for track in tracks)
    assert min(iou(tracks, frame, matte) for frame, matte in enumerate(frames)) > 0.88


def test_descending_frames_are_refused():
    with pytest.raises(ValueError, match="frame 3 comes after frame 4"):
        fit_splines([(4, disc(60, 60, 20)), (3, disc(60, 60, 20))])


def test_object_that_the_border_cuts_loses_no_pixel_there():
    frames = [disc(8 + 3 * t, 6 + t, 45) for t in range(12)]
    tracks = splines(*frames)
    for frame, matte in enumerate(frames):
        made, true = painted(tracks, frame, matte.shape), matte > 0.5
        for border in (np.s_[0], np.s_[:, 0]):
            inner = np.flatnonzero(true[border])[:-3]  # the outline itself crosses the border at the end
            assert made[border][inner].all()
    assert min(iou(tracks, frame, matte) for frame, matte in enumerate(frames)) > 0.97


def test_a_single_pixel_is_one_small_spline():
    matte = np.zeros(SIZE, np.float32)
    matte[60, 80] = 1
    (track,) = splines(matte, matte)
    assert points_on(track, 1).mean() == pytest.approx(80.5 + 60.5j, abs=0.1)


def test_grey_just_above_half_is_the_whole_frame():
    grey = np.full(SIZE, 0.51, np.float32)
    (track,) = splines(grey, grey)
    assert iou([track], 1, grey) == 1
    assert track.feather.max() == 0


def test_beyond_the_most_outlines_of_a_frame_the_smallest_are_left_out():
    matte = np.zeros((400, 440), np.float32)
    for k in range(380):
        cv2.circle(matte, (10 + 20 * (k % 20), 10 + 20 * (k // 20)), 5 if k % 19 else 7, 1.0, -1)
    large = sum(k % 19 == 0 for k in range(380))
    found: list[LeftOut] = []
    tracks = fit_splines([(0, matte)], left_out=found.append)
    assert len(tracks) == 300
    assert found[0].outlines == 80
    assert 0.15 < found[0].share < 80 / 380
    assert sum(np.ptp(track.points[0, :, 1, 0]) > 13 for track in tracks) == large
