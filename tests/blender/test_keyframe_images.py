"""Keyframes from image files of all kinds."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.studio import HEIGHT, PALETTE, WIDTH, box, ring, truth

PALETTE_OF_256 = np.concatenate([PALETTE, np.random.default_rng(1).integers(50, 250, (252, 3))])


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


def test_flat_colours_on_black_are_objects(studio, capfd):
    assert (studio.import_keyframe(PALETTE[truth(0)]) == box(0)).all(), "object 1 is the colour with the lowest value"
    assert "colours: 2 objects (1 = #00c800, 2 = #c80000)" in capfd.readouterr().out
    studio.import_keyframe(PALETTE[truth(0)], all_objects=True)
    assert (studio.keyframe_mask(2) == ring(0)).all()


def test_a_photograph_is_refused(studio):
    with pytest.raises(RuntimeError, match=r"is a colour image.*Image Holds"):
        studio.import_keyframe(np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3)))


def test_a_palette_of_black_and_white_is_a_picture(studio, capfd):
    white_first = np.array([(255, 255, 255), (0, 0, 0)])
    assert (studio.import_keyframe(1 - ring(0), white_first) == ring(0)).all()
    assert "black and white: 1 object" in capfd.readouterr().out


def test_soft_edges_are_kept_and_it_is_said(studio, capfd):
    blurred = np.pad(ring(0) * 255.0, 1, mode="edge")
    blurred = sum(blurred[y : y + HEIGHT, x : x + WIDTH] for y in range(3) for x in range(3)) / 9
    expected = np.rint(blurred) >= 128
    assert (studio.import_keyframe(np.rint(blurred)) == expected).all()
    assert "soft edges are kept" in capfd.readouterr().out
    assert (studio.keyframe_alpha() == np.rint(blurred)).all()
    assert (studio.import_keyframe(np.rint(blurred * 257), bit_depth=16) == (blurred >= 127.5)).all()
    assert np.abs(studio.keyframe_alpha() - blurred).max() <= 0.51
    pixels = np.full((HEIGHT, WIDTH, 4), 90, np.uint8)
    pixels[..., 3] = np.rint(blurred)
    assert (studio.import_keyframe(pixels) == expected).all()
    assert (studio.keyframe_alpha() == np.rint(blurred)).all()


@pytest.mark.parametrize("name, file_format", [("given.jpg", "JPEG"), ("given.tif", "TIFF"), ("given.webp", "WEBP")])
def test_black_and_white_images_of_other_formats_are_read(studio, capfd, name, file_format):
    image = bpy.data.images.new("given", WIDTH, HEIGHT)
    pixels = np.ones((HEIGHT, WIDTH, 4), np.float32)
    pixels[..., :3] = ring(0)[::-1, :, None]
    image.pixels.foreach_set(pixels.ravel())
    image.file_format = file_format
    image.save(filepath=str(studio.folder / name), quality=70)
    bpy.data.images.remove(image)
    studio.go(1)
    studio.click("matte_keyframe_from_image", filepath=str(studio.folder / name))
    assert (studio.keyframe_mask() != ring(0)).sum() <= 12
    assert "black and white: 1 object" in capfd.readouterr().out


def test_label_images_of_16_bits_and_interlaced_ones_keep_their_numbers(studio):
    assert (studio.import_keyframe(truth(0), bit_depth=16) == ring(0)).all()
    assert (studio.import_keyframe(truth(0), PALETTE, interlaced=True) == ring(0)).all()


def test_255_beside_numbers_is_unknown(studio, capfd):
    labels = np.where(truth(0) == 2, 255, truth(0))
    assert (studio.import_keyframe(labels, PALETTE_OF_256) == ring(0)).all()
    assert "255 is unknown, not an object" in capfd.readouterr().out


def test_an_unclear_image_asks_and_the_choice_is_obeyed(studio):
    pixels = np.where(ring(0), 255, np.where(box(0), 128, 0))
    with pytest.raises(RuntimeError, match=r"could be objects, or shades of a mask.*Image Holds"):
        studio.import_keyframe(pixels)
    assert (studio.import_keyframe(pixels, masks="BINARY") == (ring(0) | box(0))).all()
    assert (studio.import_keyframe(pixels, masks="COLOURS") == box(0)).all()
    with pytest.raises(RuntimeError, match="no alpha channel"):
        studio.import_keyframe(pixels, masks="ALPHA")


def test_a_black_and_white_image_does_not_say_which_objects_it_shows(studio):
    with pytest.raises(RuntimeError, match=r"holds black and white, so it shows one object.*leave out All Objects"):
        studio.import_keyframe(ring(0) * np.uint8(255), all_objects=True)


def test_an_image_of_another_size_is_refused(studio):
    with pytest.raises(RuntimeError, match=r"given.png is 120x79, but the clip is 120x80"):
        studio.import_keyframe(truth(0)[1:], PALETTE)
    with pytest.raises(RuntimeError, match=r"given.png is 119x80, but the clip is 120x80"):
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
    assert (studio.keyframe_mask(1) == ring(0)).all()
    assert (studio.keyframe_mask(2) == box(0)).all()
