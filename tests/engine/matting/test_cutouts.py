"""Tests of foreground colours: those of a known composite are found again."""

import numpy as np

from engine.matting.refine import foreground

from .scenes import disc, texture


def test_soft_edges_lose_the_colours_of_the_background():
    alpha = np.clip(sum(disc(radius) for radius in range(50, 71, 2)) / 11, 0, 1).astype(np.float32)
    front, behind = texture(1, (170, 60, 40), (200, 90, 60)), texture(2, (20, 160, 60), (60, 220, 90))
    picture = np.rint(alpha[..., None] * front + (1 - alpha[..., None]) * behind).astype(np.uint8)
    found = foreground(picture, alpha)
    assert found.shape == picture.shape and found.dtype == np.float32 and found.min() >= 0 and found.max() <= 1
    soft = (alpha > 0.1) & (alpha < 0.9)
    spill, left = (np.abs(colours - front / 255)[soft].mean() for colours in (picture / 255, found))
    assert left < 0.15 * spill and left < 0.04
    full = alpha == 1
    assert np.abs(found - picture / 255)[full].max() < 0.02


def test_without_an_object_colours_are_the_pictures():
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    assert np.allclose(foreground(picture, np.zeros((20, 30), np.float32)), picture / 255)


def test_pictures_of_a_pixel_and_of_one_alpha_are_no_error():
    for size in ((1, 1), (1, 40), (30, 20)):
        for value in (0.5, 1.0):
            picture = np.full((*size, 3), 90, np.uint8)
            assert np.isfinite(foreground(picture, np.full(size, value, np.float32))).all()
