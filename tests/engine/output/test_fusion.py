"""Fusion of two sweeps: exact at keyframes, the mean where they agree, solid and continuous where they differ."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engine.output.fusion import fuse
from engine.output.matte_files import labels_from_alphas

HEIGHT, WIDTH = 96, 128


def disc(x: float, y: float, radius: float, *, blur: float = 1.0) -> np.ndarray:
    """Return a matte of a disc with a soft edge."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    hard = (np.hypot(columns - x, rows - y) <= radius).astype(np.float32)
    return cv2.GaussianBlur(hard, (0, 0), blur) if blur else hard


LEFT, RIGHT = disc(35, 48, 18), disc(90, 48, 18)
NOTHING = np.zeros((HEIGHT, WIDTH), np.float32)


def ghosts(alpha: np.ndarray) -> int:
    """Count the half transparent pixels that are no soft edge: those well inside either disc."""
    inside = disc(35, 48, 14, blur=0) + disc(90, 48, 14, blur=0) > 0
    return int(((alpha > 0.05) & (alpha < 0.95) & inside).sum())


def test_on_a_keyframe_its_own_sweep_is_kept_to_the_bit():
    for quality in (None, (0.1, 0.9), (0.0, 1.0)):
        assert np.array_equal(fuse(LEFT, RIGHT, 1.0, quality), RIGHT)
        assert np.array_equal(fuse(LEFT, RIGHT, 0.0, quality), LEFT)


@pytest.mark.parametrize("weight", [1e-6, 1 - 1e-6])
def test_beside_a_keyframe_the_result_is_close_to_its_sweep(weight):
    nearer = RIGHT if weight > 0.5 else LEFT
    assert np.abs(fuse(LEFT, RIGHT, weight) - nearer).max() < 1e-3


@pytest.mark.parametrize("weight", [0.1, 0.5, 0.8])
def test_mattes_that_agree_become_their_mean_and_stay_as_soft(weight):
    first, second = disc(35, 48, 18, blur=2), disc(35.7, 48.4, 18.3, blur=2)  # edges less than a pixel apart
    fused = fuse(first, second, weight)
    assert np.abs(fused - (weight * second + (1 - weight) * first)).max() < 1 / 255
    soft = [int(((alpha > 0.02) & (alpha < 0.98)).sum()) for alpha in (first, second, fused)]
    assert soft[2] >= min(soft[:2])


@pytest.mark.parametrize(("weight", "expected"), [(0.35, LEFT), (0.65, RIGHT)])
def test_where_sweeps_differ_the_one_from_the_nearer_keyframe_is_chosen_without_ghosts(weight, expected):
    mean = weight * RIGHT + (1 - weight) * LEFT
    fused = fuse(LEFT, RIGHT, weight)
    assert ghosts(mean) > 1000
    assert ghosts(fused) == 0
    assert np.array_equal(fused >= 0.5, expected >= 0.5)


def test_a_lost_object_is_found_or_gone_as_a_whole():
    assert ghosts(fuse(LEFT, NOTHING, 0.3)) == ghosts(fuse(LEFT, NOTHING, 0.7)) == 0
    assert np.array_equal(fuse(LEFT, NOTHING, 0.3) >= 0.5, LEFT >= 0.5)
    assert fuse(LEFT, NOTHING, 0.7).max() < 0.5


def test_quality_outweighs_distance():
    assert np.array_equal(fuse(LEFT, RIGHT, 0.65, (0.95, 0.3)) >= 0.5, LEFT >= 0.5)
    assert np.array_equal(fuse(LEFT, RIGHT, 0.35, (0.3, 0.95)) >= 0.5, RIGHT >= 0.5)
    assert np.array_equal(fuse(LEFT, RIGHT, 0.65, (0.7, 0.7)), fuse(LEFT, RIGHT, 0.65))
    certain = fuse(LEFT, RIGHT, 0.999, (1.0, 0.0))  # the certainty of a quality is limited: one frame from a keyframe
    assert np.array_equal(certain >= 0.5, RIGHT >= 0.5)


def test_swapping_the_sweeps_changes_nothing():
    for weight, quality in ((0.3, None), (0.55, (0.6, 0.7))):
        swapped = fuse(RIGHT, LEFT, 1 - weight, quality[::-1] if quality else None)
        assert np.abs(fuse(LEFT, RIGHT, weight, quality) - swapped).max() < 1e-5


def test_a_region_turns_from_one_sweep_to_the_other_over_several_frames():
    frames = [fuse(LEFT, RIGHT, frame / 30) for frame in range(31)]
    jumps = [float(np.abs(after - before).max()) for before, after in zip(frames, frames[1:])]
    assert max(jumps) < 0.3
    assert sum(ghosts(alpha) > 0 for alpha in frames) <= 8, "of 29 frames between the keyframes"
    rises = [after[48, 90] - before[48, 90] for before, after in zip(frames, frames[1:])]
    assert min(rises) >= 0, "it turns once, and not back"


def test_mattes_that_change_little_are_fused_to_mattes_that_change_little():
    """Grow a region in which the sweeps differ, pixel by pixel, through both limits of what is averaged nearby."""
    radii = np.linspace(0.5, 12, 200)
    frames = [fuse(LEFT, np.maximum(LEFT, disc(90, 48, radius)), 0.42) for radius in radii]
    given = [np.maximum(LEFT, disc(90, 48, radius)) for radius in radii]
    for before, after, first, second in zip(frames, frames[1:], given, given[1:]):
        assert np.abs(after - before).max() <= 2 * np.abs(second - first).max() + 1e-6


def test_no_seam_between_mean_and_choice():
    """Let the sweeps agree on the left and differ more and more to the right: alpha never jumps between two pixels."""
    first = np.ones((HEIGHT, WIDTH), np.float32)
    second = np.tile(np.linspace(1, 0, WIDTH, dtype=np.float32), (HEIGHT, 1))
    for weight in (0.2, 0.5, 0.7, 0.9):
        assert np.abs(np.diff(fuse(first, second, weight), axis=1)).max() < 0.05


def test_a_region_that_changes_its_object_is_neither_shared_nor_lost():
    for weight in (0.3, 0.45, 0.5, 0.6):
        one, two = fuse(LEFT, RIGHT, weight), fuse(RIGHT, LEFT, weight)  # the sweeps have swapped two objects
        assert np.abs(one + two - (LEFT + RIGHT)).max() < 1e-5
        if weight != 0.5:
            labels = labels_from_alphas(np.stack([one, two]), [4, 9])
            sides = (4, 9) if weight < 0.5 else (9, 4)
            assert (labels[48, 35], labels[48, 90]) == sides


def test_empty_mattes_stay_empty():
    assert not fuse(NOTHING, NOTHING, 0.4).any()
    assert fuse(NOTHING[:1, :1], NOTHING[:1, :1], 0.4).shape == (1, 1)
