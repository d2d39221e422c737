"""Undistorted display: pixels lie where Blender shows them, for every model of a lens."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.dots import found_near

from .displays import DOTS, HEIGHT, WIDTH, shown, write_dots
from .studio import part

LENSES = {
    "POLYNOMIAL": {"k1": -0.2, "k2": 0.03, "k3": 0.01},
    "DIVISION": {"division_k1": 0.15, "division_k2": -0.02},
    "NUKE": {"nuke_k1": 0.08, "nuke_k2": -0.02},
    "BROWN": {"brown_k1": -0.15, "brown_k2": 0.04, "brown_k3": 0.01, "brown_p1": 0.01, "brown_p2": -0.02},
}
if bpy.app.version >= (5, 1, 0):
    LENSES["NUKE"] |= {"nuke_p1": 0.03, "nuke_p2": -0.05}


def lens_of(clip):
    return part("addon.lens").Lens.of(clip, WIDTH, HEIGHT)


def set_lens(clip, model: str, *, centre: tuple[float, float] = (0.0, 0.0), pixel_aspect: float = 1.0) -> None:
    camera = clip.tracking.camera
    camera.distortion_model = model
    camera.focal_length_pixels = WIDTH * 0.7
    camera.principal_point, camera.pixel_aspect = centre, pixel_aspect
    for name, value in LENSES[model].items():
        setattr(camera, name, value)


@pytest.mark.parametrize("model", LENSES)
@pytest.mark.parametrize(("centre", "pixel_aspect"), [((0.0, 0.0), 1.0), ((0.1, -0.2), 1.0), ((0.1, 0.1), 2.0)])
def test_dots_lie_where_blender_undistorts_them_to(studio, model, centre, pixel_aspect):
    clip = studio.open(write_dots(studio.folder, 1))
    set_lens(clip, model, centre=centre, pixel_aspect=pixel_aspect)
    expected = lens_of(clip).undistort(DOTS * (1, -1) + (-0.5, HEIGHT - 0.5)) * (1, -1) + (0.5, HEIGHT - 0.5)
    found = found_near(shown(clip, 1, studio.folder, undistorted=True), expected)
    inside = np.isfinite(found).all(axis=1)
    assert inside.sum() > 15
    assert np.abs(found - expected)[inside].max() < 0.1
    assert np.abs(found - DOTS)[inside].max() > 2  # the lens moves them


@pytest.mark.parametrize("model", LENSES)
def test_distorting_and_undistorting_are_inverse(studio, model):
    clip = studio.open(write_dots(studio.folder, 1))
    set_lens(clip, model, centre=(0.1, -0.2), pixel_aspect=1.5)
    lens = lens_of(clip)
    points = np.random.default_rng(1).uniform((0, 0), (WIDTH, HEIGHT), (500, 2))
    np.testing.assert_allclose(lens.distort(lens.undistort(points)), points, atol=1e-3)
    np.testing.assert_allclose(lens.undistort(lens.distort(points)), points, atol=1e-3)


def test_a_point_that_no_lens_shows_is_brought_to_the_nearest_place(studio):
    clip = studio.open(write_dots(studio.folder, 1))
    set_lens(clip, "POLYNOMIAL")
    clip.tracking.camera.k1, clip.tracking.camera.k2, clip.tracking.camera.k3 = -0.5, 0, 0
    middle = np.array((WIDTH / 2, HEIGHT / 2))
    points = lens_of(clip).undistort(middle + np.array([(4 * WIDTH, 0), (0, 0)]))
    peak = (2 / 3) ** 0.5  # where r - 0.5 r^3 is largest
    np.testing.assert_allclose(points, middle + np.array([(WIDTH * 0.7 * peak, 0), (0, 0)]), atol=0.5)


@pytest.mark.parametrize("model", LENSES)
def test_only_the_coefficients_of_the_chosen_model_distort(studio, model):
    clip = studio.open(write_dots(studio.folder, 1))
    assert lens_of(clip) is None
    set_lens(clip, model)
    assert lens_of(clip).model == model
    clip.tracking.camera.distortion_model = "DIVISION" if model != "DIVISION" else "NUKE"
    assert lens_of(clip) is None
