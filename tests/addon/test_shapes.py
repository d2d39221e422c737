"""Lasso and fill, against areas known by formula."""

from __future__ import annotations

import numpy as np
import pytest
from keymatte.addon.brush import Brush, Sample, draw_segment
from keymatte.addon.shapes import draw_polygon, fill_region, is_open, region_at

SIZE = 100
TURN = np.linspace(0, 2 * np.pi, 720, endpoint=False)
CIRCLE = np.stack([50.3 + 30 * np.cos(TURN), 49.6 + 30 * np.sin(TURN)], axis=-1)


def filled(outline, *, remove: bool = False, on: int = 0) -> np.ndarray:
    alpha = np.full((SIZE, SIZE), on, np.uint8)
    draw_polygon(alpha, np.array(outline, float), remove=remove)
    return alpha


def ring(radius: float = 30.0, width: float = 4.0, *, hardness: float = 1.0, stop: float = 2 * np.pi) -> np.ndarray:
    """Return the alpha of a line around the middle of the picture, open at its end if `stop` is no full turn."""
    alpha = np.zeros((SIZE, SIZE), np.uint8)
    turn = np.linspace(0, stop, 200)
    places = [
        Sample(x, y, width / 2) for x, y in zip(50.5 + radius * np.cos(turn), 50.5 + radius * np.sin(turn), strict=True)
    ]
    for start, end in zip(places, places[1:]):
        draw_segment(alpha, Brush(hardness), start, end)
    return alpha


# -- lasso -------------------------------------------------------------------------------------------------------------
def test_pixels_on_the_outline_are_covered_in_part():
    alpha = filled([(10.25, 20.5), (30.75, 20.5), (30.75, 40), (10.25, 40)])
    assert (alpha[21:40, 11:30] == 255).all()
    assert alpha[30, 10] == round(255 * 0.75) and alpha[30, 30] == round(255 * 0.75)
    assert alpha[20, 15] == 128 and alpha[40].max() == alpha[19].max() == 0


@pytest.mark.parametrize("outline", (CIRCLE, CIRCLE[::-1]), ids=("clockwise", "counter-clockwise"))
def test_the_area_is_that_of_the_outline(outline):
    area = len(TURN) / 2 * 30**2 * np.sin(2 * np.pi / len(TURN))
    assert filled(outline).sum() / 255 == pytest.approx(area, rel=0.001)


def test_a_slanted_edge_covers_each_pixel_by_the_area_within():
    alpha = filled([(0, 0), (100, 0), (0, 100)])
    diagonal = alpha[np.arange(SIZE), SIZE - 1 - np.arange(SIZE)]
    assert np.abs(diagonal.astype(int) - 127).max() <= 1
    assert alpha.sum() / 255 == pytest.approx(5000, rel=0.001)


def test_what_the_outline_goes_around_twice_is_inside_and_so_is_each_loop_of_an_eight():
    assert (filled(np.concatenate([CIRCLE, CIRCLE])) == filled(CIRCLE)).all()
    eight = filled([(10, 10), (90, 90), (90, 10), (10, 90)])
    assert eight[50, 15] == 255 and eight[50, 85] == 255 and eight[15, 50] == eight[85, 50] == 0
    pentagram = [(50 + 45 * np.cos(a), 50 + 45 * np.sin(a)) for a in np.arange(5) * 4 * np.pi / 5]
    assert filled(pentagram)[50, 50] == 255


def test_a_loop_the_other_way_within_the_outline_cuts_a_hole():
    inner = 50 + (CIRCLE[::-1] - 50) / 2
    both = np.concatenate([CIRCLE, CIRCLE[:1], inner, inner[:1]])
    assert filled(both).sum() == pytest.approx(filled(CIRCLE).sum() * 0.75, rel=0.005)


def test_cutting_is_the_opposite_and_the_border_cuts_the_outline():
    assert (filled(CIRCLE, remove=True, on=255) == 255 - filled(CIRCLE)).all()
    beyond = filled([(-50, 30), (150, 30), (150, 60), (-50, 60)])
    assert (beyond[30:60] == 255).all() and beyond.sum() == 30 * SIZE * 255
    assert draw_polygon(np.zeros((SIZE, SIZE), np.uint8), CIRCLE + 500) is None


@pytest.mark.parametrize("outline", ([(5, 5)], [(5, 5), (60, 60)], [(5, 5), (60, 5), (30, 5)]))
def test_an_outline_without_inside_fills_nothing(outline):
    assert filled(outline).sum() == 0


# -- fill --------------------------------------------------------------------------------------------------------------
def test_a_region_ends_at_a_line_and_does_not_slip_through_its_diagonals():
    mask = np.zeros((7, 7), bool)
    mask[[1, 2, 3, 4, 5, 4, 3, 2], [3, 4, 5, 4, 3, 2, 1, 2]] = True  # a rhombus of pixels that touch at corners
    region = region_at(mask, 3, 3)
    assert region.sum() == 5 and region[3, 3] and region[2, 3] and not region[0, 0]
    assert (region_at(mask, 0, 0) == ~(mask | region)).all()
    assert region_at(mask, 3, 1).sum() == 1, "pixels of a region share sides"


@pytest.mark.parametrize("seed", range(4))
def test_regions_are_those_of_a_flood_pixel_by_pixel(seed):
    mask = np.random.default_rng(seed).random((23, 31)) > 0.45
    seen, waiting = {(11, 15)}, [(11, 15)]
    while waiting:
        y, x = waiting.pop()
        for place in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):
            inside = 0 <= place[0] < 23 and 0 <= place[1] < 31
            if inside and place not in seen and mask[place] == mask[11, 15]:
                seen.add(place)
                waiting.append(place)
    region = region_at(mask, 15, 11)
    assert {(int(y), int(x)) for y, x in np.argwhere(region)} == seen


def test_what_is_around_the_object_is_open_and_what_a_border_closes_off_is_not():
    mask = ring() >= 128
    assert is_open(region_at(mask, 2, 2)) and not is_open(region_at(mask, 50, 50))
    assert is_open(region_at(ring(stop=6.0) >= 128, 50, 50)), "the line has a gap"
    corner = np.zeros((SIZE, SIZE), bool)
    corner[60] = True
    corner[60:, 40] = True
    assert not is_open(region_at(corner, 20, 80)), "closed off together with the border"
    assert is_open(region_at(corner, 20, 20))


@pytest.mark.parametrize("hardness", (1.0, 0.5))
def test_a_filled_ring_is_a_disc_without_seam_and_its_outer_edge_stays(hardness):
    line = ring(hardness=hardness, width=8)
    alpha = line.copy()
    place = fill_region(alpha, region_at(line >= 128, 50, 50))
    y, x = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    away = np.hypot(x - 50.5, y - 50.5)
    assert (alpha[away < 30] == 255).all(), "no seam"
    assert (alpha[away > 31.5] == line[away > 31.5]).all()
    assert place.left <= 20 and place.right >= 81
    assert (alpha[alpha != line] == 255).all()


def test_an_outline_from_far_outside_and_places_that_are_nowhere():
    alpha = np.zeros((20, 30), np.uint8)
    draw_polygon(alpha, np.array([(-1e30, -1e30), (1e30, -1e30), (1e30, 10), (-1e30, 10)]))
    assert (alpha[:10] == 255).all() and not alpha[10:].any()
    alpha[:] = 0
    draw_polygon(alpha, np.array([(5, 5), (np.nan, 7), (15, 5), (15, 15), (np.inf, 0), (5, 15)]))
    assert (alpha[5:15, 5:15] == 255).all() and alpha.sum() == 100 * 255
