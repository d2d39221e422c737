"""Splines that a track carries need keys only for what the object does besides."""

from __future__ import annotations

import numpy as np
import pytest

from engine.splines.vectorise import fit_splines

FRAMES, HEIGHT, WIDTH = 40, 200, 260


def shaken_film(rng: np.random.Generator) -> tuple[list[tuple[int, np.ndarray]], dict[int, np.ndarray]]:
    """Return mattes of an ellipse that grows evenly under a hand-held camera, and the camera's motion."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    mattes, motions = [], {}
    for frame, (dx, dy) in enumerate(rng.normal(0, 9, (FRAMES, 2))):
        angle, scale = rng.normal(0, 0.03), 1 + rng.normal(0, 0.02)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        motion = np.eye(3)
        motion[:2, :2] = turn
        motion[:2, 2] = np.array([130 + dx, 100 + dy]) - turn @ (130, 100)
        back = np.linalg.inv(motion)
        x = back[0, 0] * columns + back[0, 1] * rows + back[0, 2]
        y = back[1, 0] * columns + back[1, 1] * rows + back[1, 2]
        away = np.hypot((x - 130) / (60 + 0.3 * frame), (y - 100) / 40)
        mattes.append((frame, np.clip((1 - away) * 40 + 0.5, 0, 1).astype(np.float32)))
        motions[frame] = motion
    return mattes, motions


def carried(points: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """Move points (..., 2) by a homography."""
    moved = np.concatenate([points, np.ones((*points.shape[:-1], 1))], axis=-1) @ motion.T
    return moved[..., :2] / moved[..., 2:]


def test_splines_in_the_space_of_the_cameras_motion_need_few_keys():
    mattes, motions = shaken_film(np.random.default_rng(7))
    (free,) = fit_splines(mattes)
    (track,) = fit_splines(mattes, motions=motions)
    assert len(free.keys) > 0.7 * FRAMES, "the film is shaken"
    assert len(track.keys) <= 0.1 * FRAMES
    for frame, _ in mattes:
        points = carried(track.at(frame)[:, 1], motions[frame])
        x, y = carried(points, np.linalg.inv(motions[frame])).T
        away = np.hypot((x - 130) / (60 + 0.3 * frame), (y - 100) / 40)
        assert np.abs(away - 1).mean() * 40 < 1.0, f"frame {frame}"
    assert track.error[:, 0].max() <= 1.0


def test_frames_without_a_motion_are_left_as_they_are():
    mattes, motions = shaken_film(np.random.default_rng(8))
    still = {frame: np.eye(3) for frame, _ in mattes}
    plain, same = fit_splines(mattes)[0], fit_splines(mattes, motions=still)[0]
    assert np.array_equal(plain.keys, same.keys) and np.abs(plain.points - same.points).max() < 1e-3
    del motions[5]
    (track,) = fit_splines(mattes, motions=motions)
    assert np.abs(track.at(5)[:, 1].mean(axis=0) - plain.at(5)[:, 1].mean(axis=0)).max() < 3


def test_a_motion_that_cannot_be_undone_is_refused():
    mattes, motions = shaken_film(np.random.default_rng(9))
    motions[3] = np.zeros((3, 3))
    with pytest.raises(np.linalg.LinAlgError):
        fit_splines(mattes, motions=motions)
