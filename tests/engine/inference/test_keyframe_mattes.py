"""A keyframe's matte has the user's shape, and an edge as soft as the network's."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engine.inference.keyframe_mattes import keyframe_alphas, soften
from engine.output.mattes import labels_from_alphas

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
    alpha = soften(mask, predicted)
    assert np.array_equal(alpha > 0.5, mask)
    assert soft_pixels(alpha) == pytest.approx(soft_pixels(predicted), rel=0.25)


def test_a_hard_prediction_gives_a_hard_edge_and_none_leaves_the_mask():
    mask = disc(80, 60, 30) > 0.5
    assert soft_pixels(soften(mask, mask.astype(np.float32))) == 0
    for predicted in (None, np.zeros((HEIGHT, WIDTH), np.float32), np.ones((HEIGHT, WIDTH), np.float32)):
        assert np.array_equal(soften(mask, predicted), mask)
    for constant in (np.zeros_like(mask), np.ones_like(mask)):
        assert np.array_equal(soften(constant, disc(80, 60, 30, softness=1)), constant)


def test_where_one_side_is_blurred_only_that_side_is_soft():
    mask = disc(80, 60, 40) > 0.5
    predicted = np.where(np.arange(WIDTH) < 80, disc(80, 60, 40, softness=0.2), disc(80, 60, 40, softness=1.5))
    alpha = soften(mask, predicted.astype(np.float32))
    assert soft_pixels(alpha[:, 100:]) > 3 * soft_pixels(alpha[:, :60])


def test_a_doubtful_inside_of_the_prediction_does_not_reach_the_matte():
    mask = disc(80, 60, 40) > 0.5
    predicted = np.minimum(disc(80, 60, 40, softness=0.5), 0.9 - 0.5 * disc(80, 60, 20))
    alpha = soften(mask, predicted)
    assert np.array_equal(alpha > 0.5, mask)
    assert alpha[disc(80, 60, 32) > 0.5].min() > 0.98


@pytest.mark.parametrize("gap", [0, 1, 3])
def test_edges_of_neighbours_share_pixels_and_labels_stay_the_users(gap):
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[30:90, 40:80], labels[30:90, 80 + gap : 120] = 1, 2
    predicted = {number: cv2.GaussianBlur((labels == number).astype(np.float32), (0, 0), 2) for number in (1, 2)}
    alphas = keyframe_alphas(labels, (1, 2), {1, 2}, np.zeros((2, HEIGHT, WIDTH), np.float32), predicted)
    assert np.array_equal(labels_from_alphas(alphas, [1, 2]), labels)
    assert alphas.sum(0).max() < 1.01 and soft_pixels(alphas[0]) > 100


def test_objects_without_a_keyframe_keep_their_prediction_outside_its_masks():
    labels = np.where(disc(60, 60, 25) > 0.5, 1, 0).astype(np.uint8)
    other = disc(95, 60, 25, softness=1.5)
    probability = np.stack([np.zeros_like(other), other])
    alphas = keyframe_alphas(labels, (1, 2), {1}, probability, {1: disc(60, 60, 25, softness=1.5)})
    assert np.array_equal(alphas[0] > 0.5, labels == 1)
    assert np.array_equal(alphas[1], other * (labels == 0))
    assert alphas.sum(0).max() < 1.01
    assert np.array_equal(labels_from_alphas(alphas, [1, 2]) == 1, labels == 1)


def test_an_object_marked_as_absent_is_nowhere():
    labels = np.where(disc(60, 60, 25) > 0.5, 1, 0).astype(np.uint8)
    predicted = {1: disc(60, 60, 25, softness=1), 2: disc(110, 60, 20, softness=1)}
    alphas = keyframe_alphas(labels, (1, 2), {1, 2}, np.zeros((2, HEIGHT, WIDTH), np.float32), predicted)
    assert not alphas[1].any()
