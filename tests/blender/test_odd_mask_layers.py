"""Mask layers of objects that split, vanish and return, fill the picture, or are not there at all."""

from __future__ import annotations

import numpy as np
import pytest

from tests.blender.studio import FRAMES, HEIGHT, WIDTH, iou, mask_by_node
from tests.png import write_png

ROWS, COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5


def disc(x: float, y: float, radius: float, softness: float = 1.0) -> np.ndarray:
    """Return the alpha (H, W) of a disc whose edge is so many pixels wide."""
    return np.clip((radius - np.hypot(COLUMNS - x, ROWS - y)) / softness + 0.5, 0, 1)


def with_mattes(studio, alpha_of) -> None:
    """Open a film with mattes of its first object that a function makes for each media frame; none where it is None."""
    studio.open_marked()
    studio.propagate()
    for media in range(FRAMES):
        path, alpha = studio.matte_folder.matte(1, 1 + media), alpha_of(media)
        if alpha is None:
            path.unlink()
        else:
            write_png(path, np.rint(alpha * 255).astype(np.uint8))
    studio.clip.matting.active_object = 0
    studio.click("matte_to_mask_layers", which="ACTIVE")


def drawn(studio, frame: int) -> np.ndarray:
    return mask_by_node(studio.clip.matting.mask, frame, studio.folder)


def names(studio) -> list[str]:
    return [layer.name for layer in studio.clip.matting.mask.layers]


def test_parts_that_part_have_a_layer_each_which_is_hidden_where_it_is_not_there(studio):
    def split(media: int) -> np.ndarray:
        apart = max(media - 3, 0) * 10
        return np.maximum(disc(60 - apart, 40, 14), disc(60 + apart, 40, 10))

    with_mattes(studio, split)
    assert sorted(names(studio)) == ["Object 1", "Object 1 part 2"]
    second = studio.clip.matting.mask.layers["Object 1 part 2"]
    for media in range(FRAMES):
        assert iou(drawn(studio, 1 + media), split(media)) > 0.93, f"media frame {media}"
    studio.go(1)
    assert second.alpha == 0
    studio.go(FRAMES)
    assert second.alpha == 1


def test_an_object_that_vanishes_and_returns_stays_on_one_layer(studio):
    shown = (0, 1, 2, 5, 6, 7)
    with_mattes(studio, lambda media: disc(40 + 3 * media, 40, 15) * (media in shown))
    assert names(studio) == ["Object 1"]
    layer = studio.clip.matting.mask.layers["Object 1"]
    for media in range(FRAMES):
        studio.go(1 + media)
        assert layer.alpha == (media in shown)
        assert drawn(studio, 1 + media).max() > 0.9 if media in shown else drawn(studio, 1 + media).max() < 0.02
    layer.alpha = 1
    studio.click("matte_to_mask_layers", which="ACTIVE")
    assert names(studio) == ["Object 1"]
    studio.go(4)
    assert studio.clip.matting.mask.layers["Object 1"].alpha == 0, "its keys are made again"


def test_an_object_that_fills_the_picture_loses_no_border_pixel(studio):
    with_mattes(studio, lambda media: np.ones((HEIGHT, WIDTH)))
    for frame in (1, 4, FRAMES):
        assert drawn(studio, frame).min() > 0.98


@pytest.mark.parametrize("softness", [6.0, 12.0])
def test_soft_edges_become_feathers(studio, softness):
    with_mattes(studio, lambda media: disc(60, 40, 25, softness))
    layer = studio.clip.matting.mask.layers["Object 1"]
    studio.go(1)
    assert np.mean([point.weight for point in layer.splines[0].points]) * WIDTH > softness * 0.8
    assert np.abs(drawn(studio, 1) - disc(60, 40, 25, softness)).max() < 0.12


@pytest.mark.parametrize("value", [0.0, 127 / 255])
def test_mattes_that_show_nothing_are_told(studio, value):
    with pytest.raises(RuntimeError, match=r"(?i)the mattes of clip shot_0001\.png show nothing"):
        with_mattes(studio, lambda media: np.full((HEIGHT, WIDTH), value))
    assert studio.clip.matting.mask is None


def test_mattes_of_one_half_are_inside_as_everywhere(studio):
    with_mattes(studio, lambda media: np.full((HEIGHT, WIDTH), 128 / 255))
    assert drawn(studio, 4).min() > 0.98


def test_three_hundred_parts_become_few_layers(studio):
    spots = [(4 + 6 * (index % 19), 4 + 5 * (index // 19)) for index in range(300)]
    dots = np.max([disc(x, y, 2.2) for x, y in spots if y < HEIGHT - 2], axis=0)
    with_mattes(studio, lambda media: dots if media < 2 else None)
    assert len(names(studio)) == 8
    assert iou(drawn(studio, 1), dots) > 0.8


def test_a_layer_that_was_deleted_is_made_again_and_a_copy_is_the_artists(studio):
    with_mattes(studio, lambda media: disc(60, 40, 20))
    mask = studio.clip.matting.mask
    mask.layers.remove(mask.layers["Object 1"])
    studio.click("matte_to_mask_layers", which="ACTIVE")
    assert names(studio) == ["Object 1"]
