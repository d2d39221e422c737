"""The brush, against areas and distances known by formula."""

from __future__ import annotations

import numpy as np
import pytest
from keymatte.addon.brush import Brush, Sample, draw_segment
from keymatte.addon.canvas import Rectangle

HEIGHT, WIDTH = 90, 140
HARD = Brush()


def drawn(start: Sample, end: Sample, brush: Brush = HARD, *, on: int = 0) -> np.ndarray:
    alpha = np.full((HEIGHT, WIDTH), on, np.uint8)
    draw_segment(alpha, brush, start, end)
    return alpha


def centres() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    return x, y


def sampled_cone(start: Sample, end: Sample) -> np.ndarray:
    """Return the pixels (H, W) bool under a brush that moves from start to end, from a thousand of its circles."""
    x, y = centres()
    inside = np.zeros((HEIGHT, WIDTH), bool)
    for part in np.linspace(0, 1, 1001):
        radius = start.radius + (end.radius - start.radius) * part
        inside |= np.hypot(x - start.x - (end.x - start.x) * part, y - start.y - (end.y - start.y) * part) <= radius
    return inside


@pytest.mark.parametrize("radius", (3.0, 10.0, 30.0))
def test_a_dab_has_the_area_of_a_circle_wherever_it_lies_in_a_pixel(radius):
    for shift in (0.0, 0.3, 0.5):
        dab = Sample(60 + shift, 45 - shift, radius)
        assert drawn(dab, dab).sum() / 255 == pytest.approx(np.pi * radius**2, rel=0.015)


def test_a_segment_has_the_area_of_a_capsule_and_its_symmetry():
    alpha = drawn(Sample(30, 45, 12), Sample(110, 45, 12))
    assert alpha.sum() / 255 == pytest.approx(np.pi * 12**2 + 2 * 12 * 80, rel=0.001)
    assert (alpha == alpha[::-1]).all() and (alpha == alpha[:, ::-1]).all()
    assert (alpha[33:57, 30:110] == 255).all(), "no row of dots"


@pytest.mark.parametrize("end_radius", (4.0, 15.0, 22.0))
def test_a_segment_of_changing_radius_covers_what_the_moving_brush_covers(end_radius):
    start, end = Sample(30.2, 25.7, 15), Sample(95.6, 60.1, end_radius)
    alpha, cone = drawn(start, end), sampled_cone(start, end)
    assert ((alpha >= 128) != cone).sum() <= 2


def test_a_segment_within_its_larger_end_is_that_end():
    large = Sample(60, 40, 20)
    assert (drawn(Sample(65, 42, 5), large) == drawn(large, large)).all()


def test_half_of_the_strength_lies_on_the_brushs_circle_whether_hard_or_soft():
    dab = Sample(60.5, 45.5, 20)
    for hardness in (1.0, 0.7, 0.3):
        row = drawn(dab, dab, Brush(hardness))[45]
        assert row[79] > 127 >= row[81] and abs(int(row[80]) - 128) <= 1
    soft = drawn(dab, dab, Brush(0.5))[45, 60:].astype(int)
    assert (np.diff(soft) <= 0).all() and ((soft > 0) & (soft < 255)).sum() in (19, 20), "it fades over its radius"


def test_a_hard_edge_is_anti_aliased_over_one_pixel():
    alpha = drawn(Sample(30, 45.25, 10), Sample(110, 45.25, 10))
    assert alpha[34:37, 70].tolist() == [0, round(255 * 0.75), 255]


def test_removing_is_the_opposite_of_adding():
    start, end = Sample(30, 40, 9), Sample(90, 60, 14)
    for hardness in (1.0, 0.4):
        removed = drawn(start, end, Brush(hardness, remove=True), on=255)
        assert (removed == 255 - drawn(start, end, Brush(hardness))).all()


def test_painting_twice_over_a_place_makes_no_edge_harder():
    once = drawn(Sample(30, 40, 9), Sample(90, 40, 9), Brush(0.5))
    twice = once.copy()
    for start, end in (((30, 40), (60, 40)), ((60, 40), (90, 40)), ((90, 40), (30, 40))):
        draw_segment(twice, Brush(0.5), Sample(*start, 9), Sample(*end, 9))
    assert (twice == once).all()


def test_only_the_returned_rectangles_change_and_they_are_cut_at_the_border():
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    (place,) = draw_segment(alpha, Brush(0.8), Sample(-4, 70, 10), Sample(20, 95, 10))
    assert place.left == 0 and place.bottom == HEIGHT and 30 < place.right < 40
    outside = np.ones((HEIGHT, WIDTH), bool)
    outside[place.slices] = False
    assert alpha.any() and not alpha[outside].any()
    assert draw_segment(alpha, HARD, Sample(-50, 10, 10), Sample(-30, 60, 10)) == []


@pytest.mark.parametrize("end_radius", (6.0, 30.0))
@pytest.mark.parametrize("hardness", (1.0, 0.4))
def test_a_long_slanted_segment_touches_little_of_the_picture_and_has_no_joints(end_radius, hardness):
    start, end = Sample(40, 60, 6), Sample(1950, 1440, end_radius)
    alpha = np.zeros((1500, 2000), np.uint8)
    places = draw_segment(alpha, Brush(hardness), start, end)
    outside = np.ones(alpha.shape, bool)
    for place in places:
        outside[place.slices] = False
    assert outside.mean() > 0.85 and not alpha[outside].any()
    y, x = np.mgrid[0:1500, 0:2000] + 0.5
    length = np.hypot(end.x - start.x, end.y - start.y)
    along = ((x - start.x) * (end.x - start.x) + (y - start.y) * (end.y - start.y)) / length
    beside = np.abs((y - start.y) * (end.x - start.x) - (x - start.x) * (end.y - start.y)) / length
    slope = (start.radius - end_radius) / length
    nearest = np.clip(along - beside * slope / np.sqrt(1 - slope**2), 0, length)
    radius = start.radius - nearest * slope
    level = np.clip(
        (radius - np.hypot(along - nearest, beside)) / np.maximum(1, 2 * (1 - hardness) * radius) + 0.5, 0, 1
    )
    exact = (level if hardness == 1 else level * level * (3 - 2 * level)) * 255
    assert np.abs(alpha - exact).max() < 1.5


def test_a_rectangle_indexes_rows_and_columns():
    assert np.zeros((5, 9))[Rectangle(2, 1, 8, 4).slices].shape == (3, 6)


@pytest.mark.parametrize("away", (1e4, 1e9, 1e30))
def test_a_segment_from_far_outside_is_drawn_where_it_crosses_the_image(away):
    near, far = np.zeros((2, 60, 90), np.uint8)
    draw_segment(near, HARD, Sample(-100, 30, 7), Sample(200, 30, 7))
    draw_segment(far, HARD, Sample(-away, 30, 7), Sample(away, 30, 7))
    np.testing.assert_array_equal(near, far)
    assert draw_segment(far, HARD, Sample(-away, 80, 7), Sample(away, 80, 7)) == []


def test_the_slope_and_the_radius_of_a_segment_from_outside_stay():
    whole, cut = np.zeros((300, 300), np.uint8), np.zeros((60, 90), np.uint8)
    draw_segment(whole, HARD, Sample(20, 40, 6), Sample(280, 260, 30))
    draw_segment(cut, HARD, Sample(-80, -80, 6), Sample(180, 140, 30))
    np.testing.assert_allclose(whole[120:180, 100:190].astype(int), cut, atol=1)
