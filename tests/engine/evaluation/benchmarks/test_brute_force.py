"""J and F are, to the bit, what their definitions say, on many small masks."""

from __future__ import annotations

import numpy as np
import pytest

from engine.evaluation.score import contour_accuracy, region_similarity

from .boundaries import brute_contour, brute_outline, brute_region

SIZES = ((1, 1), (1, 7), (6, 1), (2, 2), (5, 9), (12, 8), (17, 23))


def masks(height: int, width: int, random: np.random.Generator) -> list[np.ndarray]:
    """Return masks of all kinds: empty, full, single pixels in corners and inside, borders, blocks and noise."""
    made = [np.zeros((height, width), bool), np.ones((height, width), bool)]
    for y, x in ((0, 0), (0, width - 1), (height - 1, 0), (height - 1, width - 1), (height // 2, width // 2)):
        one = np.zeros((height, width), bool)
        one[y, x] = True
        made += [one, ~one]
    for rows, columns in (
        (slice(0, 1), slice(None)),
        (slice(-1, None), slice(None)),
        (slice(None), slice(0, 1)),
        (slice(None), slice(-1, None)),
        (slice(height // 3, None), slice(width // 3, None)),
        (slice(0, 2 * height // 3), slice(0, 2 * width // 3)),
    ):
        block = np.zeros((height, width), bool)
        block[rows, columns] = True
        made.append(block)
    return made + [random.random((height, width)) < share for share in (0.05, 0.3, 0.5, 0.9)]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_pair_of_masks_scores_as_by_the_definition(size):
    made = masks(*size, np.random.default_rng(28))
    for pred in made:
        for true in made:
            assert region_similarity(pred, true) == brute_region(pred.tolist(), true.tolist())
            assert contour_accuracy(pred, true) == brute_contour(pred.tolist(), true.tolist())


@pytest.mark.parametrize("size", [(124, 2), (127, 3), (170, 180), (249, 4), (250, 3)], ids=str)
def test_the_radius_grows_with_the_diagonal(size):
    # 0.008 * hypot(124, 2) = 0.992: radius 1; hypot(127, 3): 1.016: 2; hypot(170, 180): 1.98: 2; (249, 4): 1.992: 2;
    # hypot(250, 3) = 250.02: 2.0001: 3
    random = np.random.default_rng(size)
    true = np.zeros(size, bool)
    true[size[0] // 4 : size[0] // 2, :] = True
    for shift in range(5):
        pred = np.roll(true, shift, axis=0) ^ (random.random(size) < 0.002)
        assert contour_accuracy(pred, true) == brute_contour(pred.tolist(), true.tolist())


def test_the_outline_that_is_compared_with_has_no_last_pixel():
    assert (4, 4) not in brute_outline(np.random.default_rng(1).random((5, 5)).__lt__(0.5).tolist())
