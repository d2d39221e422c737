"""Traced outlines of a matte are exact, and few points approximate them well."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engine.output.raster import fill, signed_area
from engine.output.tracing import resample, trace


def soft_noise(seed: int, height: int = 40, width: int = 50) -> np.ndarray:
    field = cv2.GaussianBlur(np.random.default_rng(seed).random((height, width), dtype=np.float32), (0, 0), 1.2)
    return (field - field.min()) / (field.max() - field.min())


def disc(radius: float, x: float, y: float, size: int = 64) -> np.ndarray:
    """Return the matte of a disc whose soft edge is one pixel wide, with alpha 0.5 at the radius."""
    down, across = np.mgrid[:size, :size] + 0.5
    return np.clip(radius - np.hypot(across - x, down - y) + 0.5, 0, 1).astype(np.float32)


@pytest.mark.parametrize("seed", range(20))
def test_filled_trace_equals_the_matte_thresholded_at_a_half(seed):
    alpha = soft_noise(seed)
    if seed % 2:
        alpha = (alpha > 0.5).astype(np.float32)
    assert np.array_equal(fill(trace(alpha), 50, 40) > 0, alpha > 0.5)


def test_values_of_exactly_a_half_are_outside():
    alpha = np.array([[0.5, 1.0, 0.5], [1.0, 0.5, 1.0], [0.5, 0.5, 0.5]], np.float32)
    assert np.array_equal(fill(trace(alpha), 3, 3) > 0, alpha > 0.5)


def test_the_outline_of_a_soft_disc_lies_at_its_radius_to_a_tenth_of_a_pixel():
    (ring,) = trace(disc(20, 31.3, 30.8))
    radii = np.hypot(ring[:, 0] - 31.3, ring[:, 1] - 30.8)
    assert np.abs(radii - 20).max() < 0.1


def test_a_full_picture_is_outlined_at_its_border():
    (ring,) = trace(np.ones((5, 7), np.float32))
    assert (ring.min(axis=0).tolist(), ring.max(axis=0).tolist()) == ([0, 0], [7, 5])


def test_empty_matte_has_no_outline():
    assert trace(np.zeros((5, 5), np.float32)) == []


def test_outer_outlines_run_counter_clockwise_with_y_up_and_holes_clockwise():
    ringed = disc(25, 32, 32) - disc(15, 32, 32) + disc(6, 32, 32)
    areas = sorted(signed_area(ring) for ring in trace(ringed))
    assert areas == pytest.approx([-np.pi * 15**2, np.pi * 6**2, np.pi * 25**2], rel=0.02)


def test_pixels_that_touch_at_a_corner_are_one_shape():
    assert len(trace(np.eye(6, dtype=np.float32))) == 1
    assert len(trace(np.eye(6, dtype=np.float32)[::-1])) == 1


# -- few points -------------------------------------------------------------------------------------------------------
def test_spread_points_enclose_the_area_of_the_outline():
    (ring,) = trace(disc(20, 32, 32))
    for count in (12, 32, 64):
        assert signed_area(resample(ring, count)) == pytest.approx(np.pi * 400, rel=0.003)


def test_points_are_denser_at_corners():
    square = np.zeros((64, 64), np.float32)
    square[12:52, 12:52] = 1
    (ring,) = trace(square)
    points = resample(ring, 64)
    corners = np.abs(points[:, None] - np.array([[12, 12], [12, 52], [52, 12], [52, 52]])).max(axis=2).min(axis=1)
    # 5 pixels around each corner are a quarter of the way round
    assert (corners < 5).mean() > 0.4
    assert (corners > 12).any()


def test_points_meet_those_of_a_shape_that_moved_and_turned_a_little():
    def ellipse(x: float, angle: float) -> np.ndarray:
        down, across = np.mgrid[:80, :100] + 0.5
        a = (across - x) * np.cos(angle) + (down - 40) * np.sin(angle)
        b = (down - 40) * np.cos(angle) - (across - x) * np.sin(angle)
        return np.clip((1 - np.hypot(a / 30, b / 15)) * 15 + 0.5, 0, 1)

    before = resample(trace(ellipse(45, 0))[0], 64)
    after = resample(trace(ellipse(51, 0.05))[0], 64, before=np.roll(before, 17, axis=0))
    steps = after - np.roll(before, 17, axis=0)
    assert np.linalg.norm(steps - (6, 0), axis=1).max() < 3.5
    assert np.abs(steps.mean(axis=0) - (6, 0)).max() < 0.3


def test_outline_of_one_pixel_can_be_spread():
    speck = np.zeros((5, 5), np.float32)
    speck[2, 2] = 1
    points = resample(trace(speck)[0], 32)
    assert points.shape == (32, 2)
    assert np.isfinite(points).all()
