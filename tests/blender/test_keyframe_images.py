"""Keyframes from image files of all kinds."""

from __future__ import annotations

import numpy as np
import pytest

from tests.blender.studio import HEIGHT, PALETTE, WIDTH, box, ring, truth


@pytest.fixture(autouse=True)
def _film(studio):
    studio.open_film()
    studio.click("matte_object_add")


@pytest.mark.parametrize("palette", [PALETTE, None], ids=["palette", "grey"])
def test_in_a_label_image_the_object_is_where_its_number_is(studio, palette):
    assert (studio.import_keyframe(truth(0), palette) == ring(0)).all()


def test_single_object_of_a_label_image_is_taken_whatever_its_number(studio):
    assert (studio.import_keyframe(ring(0) * np.uint8(3), PALETTE) == ring(0)).all()


def test_a_label_image_without_the_object_is_refused(studio):
    with pytest.raises(RuntimeError, match="has objects 2, 3, but not object 1"):
        studio.import_keyframe(np.where(ring(0), 2, np.where(box(0), 3, 0)), PALETTE)


def test_in_a_black_and_white_image_the_object_is_bright(studio):
    assert (studio.import_keyframe(ring(0) * np.uint8(255)) == ring(0)).all()
    assert (studio.import_keyframe(np.where(box(0), 200, 90)) == box(0)).all()
    assert (studio.import_keyframe(np.repeat((ring(0) * np.uint8(255))[..., None], 3, axis=2)) == ring(0)).all()


def test_in_an_image_with_alpha_the_object_is_opaque(studio):
    pixels = np.full((HEIGHT, WIDTH, 4), 90, np.uint8)
    pixels[..., 3] = ring(0) * 255
    assert (studio.import_keyframe(pixels) == ring(0)).all()


def test_colour_image_is_refused(studio):
    with pytest.raises(RuntimeError, match=r"is a colour image.*pixel is an object number"):
        studio.import_keyframe(PALETTE[truth(0)])


def test_an_image_of_another_size_is_refused(studio):
    with pytest.raises(RuntimeError, match=r"The image is 120x79, but the clip is 120x80"):
        studio.import_keyframe(truth(0)[1:], PALETTE)
    with pytest.raises(RuntimeError, match=r"The image is 119x80, but the clip is 120x80"):
        studio.import_keyframe(PALETTE[truth(0)][:, 1:, :1].repeat(3, axis=2))
    assert len(studio.clip.matting.keyframes) == 0


def test_missing_or_unreadable_image_is_refused(studio):
    studio.go(1)
    with pytest.raises(RuntimeError, match="There is no file"):
        studio.click("matte_keyframe_from_image", filepath=str(studio.folder / "none.png"))
    (studio.folder / "text.png").write_text("no image")
    with pytest.raises(RuntimeError, match="cannot be read as an image"):
        studio.click("matte_keyframe_from_image", filepath=str(studio.folder / "text.png"))


def test_all_objects_of_a_label_image_are_taken_and_added(studio):
    studio.import_keyframe(truth(0), PALETTE, all_objects=True)
    assert [item.object_id for item in studio.clip.matting.objects] == [1, 2]
    assert (studio.keyframe_labels(1) == ring(0)).all()
    assert (studio.keyframe_labels(2) == 2 * box(0)).all()
