"""Polygon filling equals ray casting from each pixel centre."""

from __future__ import annotations

import numpy as np
import pytest

from engine.output.raster import fill, signed_area

SQUARE = np.array([[1, 1], [4, 1], [4, 3], [1, 3]], float)  # clockwise as seen: y runs down


def plain(polygons: list[np.ndarray], width: int, height: int) -> np.ndarray:
    """Return the filled polygons (H, W), computed pixel by pixel.

    A ray is cast leftward from each pixel centre; the pixel is inside if the ray crosses an odd number of edges.
    """
    image = np.zeros((height, width), np.float32)
    for row in range(height):
        for column in range(width):
            x, y, count = column + 0.5, row + 0.5, 0
            for polygon in polygons:
                for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0)):
                    if (ay <= y) != (by <= y) and ax + (y - ay) * (bx - ax) / (by - ay) <= x:
                        count += 1
            image[row, column] = count % 2
    return image


def test_a_square_covers_the_pixels_it_spans():
    image = fill([SQUARE], width=6, height=4)
    assert image.dtype == np.float32
    assert image.tolist() == [[0] * 6, [0, 1, 1, 1, 0, 0], [0, 1, 1, 1, 0, 0], [0] * 6]


@pytest.mark.parametrize("seed", range(8))
def test_random_polygons_are_filled_as_by_a_ray_from_each_centre(seed):
    random = np.random.default_rng(seed)
    polygons = [random.normal((12, 8), (9, 7), (random.integers(3, 12), 2)) for _ in range(3)]
    assert np.array_equal(fill(polygons, 24, 17), plain(polygons, 24, 17))


def test_a_polygon_inside_another_is_a_hole_whichever_way_it_runs():
    outer = SQUARE * 3
    for inner in (SQUARE + 4, (SQUARE + 4)[::-1]):
        assert fill([outer, inner], 15, 12).sum() == 9 * 6 - 3 * 2


def test_polygons_are_clipped_to_the_picture():
    assert fill([np.array([[-9, -9], [9, -9], [9, 9], [-9, 9]], float)], 4, 3).all()
    assert not fill([SQUARE + 50, SQUARE - 50], 4, 3).any()


def test_absent_and_degenerate_polygons_enclose_nothing():
    absent = np.full((4, 2), np.nan)
    assert np.array_equal(fill([absent, SQUARE, SQUARE[:2], SQUARE[:0]], 6, 4), fill([SQUARE], 6, 4))


def test_area_is_positive_for_counter_clockwise_seen_with_y_up():
    assert signed_area(SQUARE) == -6
    assert signed_area(SQUARE[::-1]) == 6
