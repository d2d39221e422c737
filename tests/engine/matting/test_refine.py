"""Tests of refining: what it leaves alone, and that nothing makes it fail."""

import numpy as np
import pytest

from engine.matting.refine import refine
from engine.shared.refinement import EdgeMethod, Refinement

EXTREMES = [
    Refinement(),
    Refinement(edges=EdgeMethod.DETAIL),
    Refinement(edges=EdgeMethod.KEEP, softness=0),
    Refinement(band=1e6),
    Refinement(band=0.01, softness=0.0, grow=1e6, feather=1e6, holes=1e12, specks=1e12),
    Refinement(grow=-1e6, feather=0.01, holes=1e12, softness=0.5),
    Refinement(grow=0.001, softness=0.001, feather=1000),
]


def picture_of(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_neutral_settings_return_the_matte_unchanged():
    alpha = np.random.default_rng(1).random((40, 60), np.float32)
    assert (refine(alpha, picture_of(40, 60), Refinement(edges=EdgeMethod.KEEP), scale=4) == alpha).all()


@pytest.mark.parametrize("settings", EXTREMES)
@pytest.mark.parametrize("size", [(1, 1), (1, 50), (37, 2), (40, 60)])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0, np.nan, "noise"])
def test_nothing_makes_it_fail(settings, size, value):
    alpha = np.random.default_rng(2).random(size, np.float32) if value == "noise" else np.full(size, value, np.float32)
    for scale in (1, 2.25, 30):
        result = refine(alpha, picture_of(*size), settings, scale=scale)
        assert result.shape == size and result.dtype == np.float32
        assert np.isfinite(result).all() and result.min() >= 0 and result.max() <= 1


@pytest.mark.parametrize("settings", EXTREMES)
def test_the_shape_of_a_keyframe_is_kept_pixel_for_pixel(settings):
    rng = np.random.default_rng(3)
    shape = rng.random((40, 60)) > 0.5
    result = refine(rng.random((40, 60), np.float32), picture_of(40, 60), settings, scale=2, shape=shape)
    assert ((np.rint(result * 255) >= 128) == shape).all()
