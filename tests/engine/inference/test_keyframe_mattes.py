"""A keyframe's matte has the user's shape, and an edge as soft as the network's."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engine.inference.keyframe_mattes import keyframe_alphas, soften
from engine.inference.soft_masks import SoftPixels, stack
from engine.output.matte_files import labels_from_alphas
from engine.shared.alphas import INSIDE, soft_alpha

HEIGHT, WIDTH = 120, 160


def disc(x: float, y: float, radius: float, *, softness: float = 0.0) -> np.ndarray:
    """Return a disc (H, W) float32, with an edge that is a logistic curve of this scale in pixels; 0: hard."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    inside = radius - np.hypot(columns - x, rows - y)
    if not softness:
        return (inside > 0).astype(np.float32)
    return (1 / (1 + np.exp(-inside / softness))).astype(np.float32)


def soft_pixels(alpha: np.ndarray) -> int:
    return int(((alpha > 0.02) & (alpha < 0.98)).sum())


@pytest.mark.parametrize("softness", [0.3, 0.7, 1.5])
@pytest.mark.parametrize("shift", [0, 3])
def test_the_edge_is_as_soft_as_the_prediction_even_if_that_lies_elsewhere(softness, shift):
    mask = disc(80, 60, 30) > 0.5
    predicted = disc(80 + shift, 60, 30, softness=softness)
    alpha = soften(mask, [predicted])
    assert np.array_equal(alpha > 0.5, mask)
    assert soft_pixels(alpha) == pytest.approx(soft_pixels(predicted), rel=0.25)


def test_the_widths_of_several_examples_are_averaged():
    mask = disc(80, 60, 30) > 0.5
    examples = [disc(78, 60, 30, softness=0.5), disc(82, 60, 30, softness=1.5), np.zeros((HEIGHT, WIDTH), np.float32)]
    mean = np.mean([soft_pixels(example) for example in examples[:2]])
    assert soft_pixels(soften(mask, examples)) == pytest.approx(mean, rel=0.15)


def test_a_hard_prediction_gives_a_hard_edge_and_none_leaves_the_mask():
    mask = disc(80, 60, 30) > 0.5
    assert soft_pixels(soften(mask, [mask.astype(np.float32)])) == 0
    for predicted in ([], [np.zeros((HEIGHT, WIDTH), np.float32)], [np.ones((HEIGHT, WIDTH), np.float32)]):
        assert np.array_equal(soften(mask, predicted), mask)
    for constant in (np.zeros_like(mask), np.ones_like(mask)):
        assert np.array_equal(soften(constant, [disc(80, 60, 30, softness=1)]), constant)


def test_where_one_side_is_blurred_only_that_side_is_soft():
    mask = disc(80, 60, 40) > 0.5
    predicted = np.where(np.arange(WIDTH) < 80, disc(80, 60, 40, softness=0.2), disc(80, 60, 40, softness=1.5))
    alpha = soften(mask, [predicted.astype(np.float32)])
    assert soft_pixels(alpha[:, 100:]) > 3 * soft_pixels(alpha[:, :60])


def test_a_doubtful_inside_of_the_prediction_does_not_reach_the_matte():
    mask = disc(80, 60, 40) > 0.5
    predicted = np.minimum(disc(80, 60, 40, softness=0.5), 0.9 - 0.5 * disc(80, 60, 20))
    alpha = soften(mask, [predicted])
    assert np.array_equal(alpha > 0.5, mask)
    assert alpha[disc(80, 60, 32) > 0.5].min() > 0.98


@pytest.mark.parametrize("gap", [0, 1, 3])
def test_edges_of_neighbours_share_pixels_and_labels_stay_the_users(gap):
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[30:90, 40:80], labels[30:90, 80 + gap : 120] = 1, 2
    predicted = {number: [cv2.GaussianBlur((labels == number).astype(np.float32), (0, 0), 2)] for number in (1, 2)}
    alphas = keyframe_alphas(labels, (1, 2), {1, 2}, np.zeros((2, HEIGHT, WIDTH), np.float32), predicted, {})
    assert np.array_equal(labels_from_alphas(alphas, [1, 2]), labels)
    assert alphas.sum(0).max() < 1.01 and soft_pixels(alphas[0]) > 100


def test_objects_without_a_keyframe_keep_their_prediction_outside_its_masks():
    labels = np.where(disc(60, 60, 25) > 0.5, 1, 0).astype(np.uint8)
    other = disc(95, 60, 25, softness=1.5)
    probability = np.stack([np.zeros_like(other), other])
    alphas = keyframe_alphas(labels, (1, 2), {1}, probability, {1: [disc(60, 60, 25, softness=1.5)]}, {})
    assert np.array_equal(alphas[0] > 0.5, labels == 1)
    assert np.array_equal(alphas[1], other * (labels == 0))
    assert alphas.sum(0).max() < 1.01
    assert np.array_equal(labels_from_alphas(alphas, [1, 2]) == 1, labels == 1)


def test_an_object_marked_as_absent_is_nowhere():
    labels = np.where(disc(60, 60, 25) > 0.5, 1, 0).astype(np.uint8)
    predicted = {1: [disc(60, 60, 25, softness=1)], 2: [disc(110, 60, 20, softness=1)]}
    alphas = keyframe_alphas(labels, (1, 2), {1, 2}, np.zeros((2, HEIGHT, WIDTH), np.float32), predicted, {})
    assert not alphas[1].any()


def with_soft(alpha: np.ndarray) -> tuple[np.ndarray, dict[int, SoftPixels]]:
    """Return the labels of object 1 and its soft pixels by an alpha (H, W) 0..1."""
    bits = soft_alpha(alpha, alpha >= 0.5)
    return (bits >= INSIDE).astype(np.uint8), {1: SoftPixels.of(bits)}


def test_a_soft_keyframe_keeps_the_users_alpha_to_the_last_bit():
    given = disc(80, 60, 35, softness=4)
    labels, soft = with_soft(given)
    for predicted in ({}, {1: [disc(82, 60, 35, softness=0.5)]}, {1: [disc(80, 60, 35, softness=9)]}):
        alphas = keyframe_alphas(labels, (1,), {1}, np.zeros((1, HEIGHT, WIDTH), np.float32), predicted, soft)
        assert np.array_equal(np.rint(alphas[0] * 255), soft_alpha(given, given >= 0.5))


def test_an_anti_aliased_edge_is_not_widened_and_hair_inside_stays_transparent():
    fine = cv2.GaussianBlur(disc(80, 60, 35), (0, 0), 0.5)
    fine[50:70, 75:85] = 0.6
    labels, soft = with_soft(fine)
    predicted = {1: [disc(80, 60, 35, softness=3)]}
    alphas = keyframe_alphas(labels, (1,), {1}, np.zeros((1, HEIGHT, WIDTH), np.float32), predicted, soft)
    assert np.array_equal(np.rint(alphas[0] * 255), soft_alpha(fine, labels > 0))


def test_a_mask_that_is_soft_on_one_side_gets_the_networks_edge_on_the_other():
    left = np.arange(WIDTH) < 80
    given = np.where(left, disc(80, 60, 40, softness=3), disc(80, 60, 40)).astype(np.float32)
    labels, soft = with_soft(given)
    predicted = disc(80, 60, 40, softness=1)
    (alpha,) = keyframe_alphas(labels, (1,), {1}, np.zeros((1, HEIGHT, WIDTH), np.float32), {1: [predicted]}, soft)
    assert np.array_equal(np.rint(alpha * 255)[:, :80], soft_alpha(given, labels > 0)[:, :80])
    assert np.array_equal(alpha >= 128 / 255, labels > 0)
    right = np.s_[:, 100:]
    assert soft_pixels(given[right]) == 0
    assert soft_pixels(alpha[right]) == pytest.approx(soft_pixels(predicted[right]), rel=0.25)
    (hard,) = keyframe_alphas(labels, (1,), {1}, np.zeros((1, HEIGHT, WIDTH), np.float32), {}, soft)
    assert soft_pixels(hard[right]) == 0  # recipes that do not soften keep only the user's


def test_other_objects_make_room_for_the_users_soft_edge():
    labels, soft = with_soft(disc(60, 60, 25, softness=3))
    other = disc(95, 60, 25, softness=1.5)
    probability = np.stack([np.zeros_like(other), other])
    alphas = keyframe_alphas(labels, (1, 2), {1}, probability, {}, soft)
    assert alphas.sum(0).max() < 1.01
    assert np.array_equal(labels_from_alphas(alphas, [1, 2]) == 1, labels == 1)
    inside_other = (other > 0.9) & (labels == 0)
    given = np.minimum(disc(60, 60, 25, softness=3), 127 / 255)
    assert np.abs(alphas[0] - given)[inside_other].max() < 4 / 255


def test_where_nothing_moves_the_edge_of_the_frame_beside_it_is_kept():
    mask = disc(80, 60, 30) > 0.5
    beside = disc(80.4, 60.2, 30, softness=1.2)
    alpha = soften(mask, [beside])
    assert np.array_equal(alpha >= 128 / 255, mask)
    expected = np.where(mask, np.maximum(beside, 128 / 255), np.minimum(beside, 127 / 255))
    near = np.abs(np.hypot(*(np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5 - np.array([60, 80])[:, None, None])) - 30) < 2.5
    assert np.abs(alpha - expected)[near].max() < 0.01
    moved = soften(mask, [disc(83, 60, 30, softness=1.2), disc(77, 60, 30, softness=1.2)])
    assert soft_pixels(moved) == pytest.approx(soft_pixels(beside), rel=0.15)


# -- stacks of masks ---------------------------------------------------------------------------------------------------
def stacked(*alphas: float) -> tuple[int, dict[int, int]]:
    """Return the owner of one pixel and the share of each object, 1 being the lowest, all in 8 bits."""
    layers = [(number, np.array([[round(alpha * 255)]], np.uint8)) for number, alpha in enumerate(alphas, start=1)]
    owner, soft = stack(layers)
    hard = {int(owner[0, 0]): 255}
    return int(owner[0, 0]), {n: int(soft[n].values[0]) if n in soft else hard.get(n, 0) for n, _ in layers}


def test_an_edge_in_front_of_an_opaque_object_leaves_it_the_rest():
    assert stacked(1.0, 0.4) == (1, {1: 153, 2: 102})
    assert stacked(1.0, 0.6) == (2, {1: 102, 2: 153})
    assert stacked(1.0, 1.0) == (2, {1: 0, 2: 255})


def test_edges_that_meet_share_the_pixel():
    assert stacked(0.6, 0.4) == (1, {1: 153, 2: 102})
    assert stacked(0.4, 0.6) == (2, {1: 102, 2: 153})
    assert stacked(0.2, 0.3) == (0, {1: 51, 2: 76})


def test_the_owner_keeps_one_half_under_several_edges_and_the_background_its_lead():
    owner, shares = stacked(1.0, 0.4, 0.4)
    assert owner == 1 and shares == {1: 128, 2: 25, 3: 102}
    owner, shares = stacked(0.45, 0.45)
    assert owner == 0 and shares == {1: 24, 2: 115}


def test_any_stack_gives_the_largest_share_to_its_owner():
    alphas = np.random.default_rng(0).integers(0, 256, (4, 100, 100), dtype=np.uint8)
    alphas[np.random.default_rng(1).random(alphas.shape) < 0.4] = 0
    labels, soft = stack([(number, alpha) for number, alpha in enumerate(alphas, start=1)])
    expected = np.zeros((100, 100), np.uint8)
    for number, alpha in enumerate(alphas, start=1):
        expected[alpha >= INSIDE] = number
    assert np.array_equal(labels, expected)
    shares = np.stack([soft[number].alpha(labels == number) for number in (1, 2, 3, 4)])
    assert shares.sum(0).max() < 1 + 1e-5
    assert np.array_equal(labels_from_alphas(shares, [1, 2, 3, 4]), labels)
    given = keyframe_alphas(labels, (1, 2, 3, 4), {1, 2, 3, 4}, np.zeros_like(shares), {}, soft)
    assert np.array_equal(np.rint(given * 255), np.rint(shares * 255))  # stacked once, and not again
