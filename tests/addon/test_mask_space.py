"""Mask space of clips with square and other pixels, and the canvases on which masks are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from keymatte.addon.mask_space import MaskSpace

SHAPES = [(200, 100, 1.0), (100, 200, 1.0), (200, 100, 0.5), (200, 100, 2.0), (100, 200, 0.5), (100, 200, 2.0)]


def test_square_pixels_span_the_longer_side():
    corners = np.array([(0, 0), (200, 100), (100, 50)])
    assert MaskSpace(200, 100).from_pixels(corners).tolist() == [[0, 0.75], [1, 0.25], [0.5, 0.5]]


def test_displayed_sides_decide_which_is_longer():
    assert MaskSpace(100, 200, 0.25).from_pixels(np.array([(0, 0), (100, 200)])).tolist() == [[0, 0.75], [1, 0.25]]
    assert MaskSpace(200, 100, 4.0).from_pixels(np.array([(0, 0), (200, 100)])).tolist() == [[0.25, 1], [0.75, 0]]


@pytest.mark.parametrize(("width", "height", "aspect"), [*SHAPES, (720, 576, 0.9375), (8191, 4321, 1.0)])
def test_places_that_blender_holds_are_the_same_after_a_way_through_pixels(width, height, aspect):
    """Blender has single precision, files have double: nothing is lost, but for places within 1e-8 of zero."""
    space = MaskSpace(width, height, aspect)
    places = np.random.default_rng(1).uniform(-4, 4, (2000, 2)).astype(np.float32)
    assert np.array_equal(space.from_pixels(space.to_pixels(places.astype(np.float64))).astype(np.float32), places)


@pytest.mark.parametrize(("width", "height", "aspect"), SHAPES)
def test_canvas_is_drawn_as_blender_does_and_scaled_to_the_clips_pixels(width, height, aspect):
    space = MaskSpace(width, height, aspect)
    canvas = space.canvas(limit=10_000)
    place = np.array([width * 0.7 + 0.5, height * 0.2 + 0.5])
    x, y = space.from_pixels(place)
    side = max(canvas.width, canvas.height)  # as Blender's Mask node computes it
    drawn = np.array([(x - 0.5) * side, (0.5 - y) * side])
    scaled = drawn * (canvas.scale_x, canvas.scale_y) + (width / 2, height / 2)
    assert np.abs(scaled - place).max() < 1e-9
    assert canvas.width * canvas.scale_x == pytest.approx(width, abs=1)
    assert canvas.height * canvas.scale_y == pytest.approx(height, abs=1)
    assert max(canvas.scale_x, canvas.scale_y) <= 1 + 1e-9, "coarser than the clip's pixels"


@pytest.mark.parametrize(("width", "height", "aspect"), SHAPES)
@pytest.mark.parametrize("stretch", [0.5, 2.0])
def test_stretch_by_the_render_is_undone_or_refused(width, height, aspect, stretch):
    space = MaskSpace(width, height, aspect)
    canvas = space.canvas(stretch=stretch, limit=10_000)
    if canvas is None:
        assert max(space.width, space.height * aspect / stretch) > space.side
        return
    place = np.array([width * 0.7, height * 0.2])
    x, y = space.from_pixels(place)
    side = max(canvas.width, canvas.height)
    drawn = np.array([(x - 0.5) * side, (0.5 - y) * side / stretch])
    scaled = drawn * (canvas.scale_x, canvas.scale_y) + (width / 2, height / 2)
    assert np.abs(scaled - place).max() < 1e-9
    assert canvas.width * canvas.scale_x >= width - 1
    assert canvas.height * canvas.scale_y >= height - 1


def test_square_pixels_need_no_scaling_unless_the_clip_is_very_large():
    canvas = MaskSpace(199, 101).canvas(limit=10_000)
    assert (canvas.width, canvas.height, canvas.is_scaled) == (199, 101, False)
    large = MaskSpace(12_000, 6_000).canvas(limit=10_000)
    assert (large.width, large.height, large.scale_x, large.scale_y) == (10_000, 5_000, 1.2, 1.2)


def test_canvas_of_extreme_pixels_stays_small():
    canvas = MaskSpace(100, 100, 1e-3).canvas(limit=65_536)
    assert max(canvas.width, canvas.height) <= 400


def test_drawing_is_sampled_at_the_clips_pixel_centres():
    canvas = MaskSpace(4, 2, 0.5).canvas(limit=100)
    assert (canvas.width, canvas.height) == (8, 2)
    drawing = np.array([[0, 0, 1, 1, 0, 1, 1, 0], [1] * 8], float)
    assert canvas.sampled(drawing, 4, 2).tolist() == [[0, 1, 0.5, 0.5], [1, 1, 1, 1]]
