"""What a mask image holds is told from its values, palette and alpha; what cannot be told is asked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.media.keyframe_folders import read_keyframes
from engine.media.label_images import PALETTE, read_keyframe, write_labels
from engine.shared.codec import from_json, to_json
from engine.shared.errors import EngineError, KeyframeNotLabels, NoKeyframes
from engine.shared.mask_images import Masks
from engine.shared.types import KeyframeFile
from tests.exr_files import rgb, write_exr
from tests.png import write_png

H, W = 60, 80
Y, X = np.mgrid[:H, :W]
DISTANCE = np.hypot(Y - 28, X - 30) - 15
DISC = DISTANCE < 0
BOX = (Y > 40) & (X > 55)
TWO = np.where(DISC, 1, np.where(BOX, 2, 0)).astype(np.uint8)
SOFT = np.clip(0.5 - DISTANCE, 0, 1)  # with an anti-aliased edge of a pixel


def read(folder: Path, masks: Masks = Masks.AUTO) -> tuple[list[np.ndarray], str]:
    """Read the masks of a folder, named by frame numbers from 0 to 9, as labels with the sentence about them."""
    told: list[str] = []
    keyframes = read_keyframes(folder, tuple(range(10)), (H, W), masks=masks, tell=told.append)
    return [read_keyframe(keyframe, size=(H, W)).labels for keyframe in keyframes], told[0]


def indexed(values: np.ndarray, *colours: tuple[int, int, int]) -> Image.Image:
    image = Image.fromarray(values.astype(np.uint8))
    image.putpalette(np.array(colours, np.uint8).tobytes())
    return image


def rgba(rgb: np.ndarray | int, alpha: np.ndarray) -> Image.Image:
    rgb = np.broadcast_to(np.asarray(rgb).reshape(*np.shape(rgb)[:2], -1), (H, W, 3))
    return Image.fromarray(np.dstack([rgb, alpha]).astype(np.uint8))


NOISE = np.random.default_rng(0).integers(0, 256, (H, W, 3), dtype=np.uint8)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)

ONE_OBJECT = {
    "0 and 255": Image.fromarray(np.where(DISC, 255, 0).astype(np.uint8)),
    "0 and 128": Image.fromarray(np.where(DISC, 128, 0).astype(np.uint8)),
    "0 and 1": Image.fromarray(DISC.astype(np.uint8)),
    "1 and 255": Image.fromarray(np.where(DISC, 255, 1).astype(np.uint8)),
    "1 and 255 as RGB": Image.fromarray(np.repeat(np.where(DISC, 255, 1).astype(np.uint8)[..., None], 3, axis=2)),
    "16 and 235": Image.fromarray(np.where(DISC, 235, 16).astype(np.uint8)),
    "90 and 200": Image.fromarray(np.where(DISC, 200, 90).astype(np.uint8)),
    "1 bit": Image.fromarray(DISC),
    "anti-aliased": Image.fromarray(np.rint(SOFT * 255).astype(np.uint8)),
    "anti-aliased with 15 greys": Image.fromarray((np.rint(SOFT * 14) * 17).astype(np.uint8)),
    "one shade of grey": Image.fromarray((np.floor(SOFT * 2) * 128).clip(0, 255).astype(np.uint8)),
    "feathered": Image.fromarray(np.rint(np.clip(0.5 - DISTANCE / 8, 0, 1) * 255).astype(np.uint8)),
    "grey as RGB": Image.fromarray(np.repeat(np.where(DISC, 255, 0).astype(np.uint8)[..., None], 3, axis=2)),
    "16 bits": Image.fromarray(np.where(DISC, 65535, 0).astype(np.uint16)),
    "16 bits, soft": Image.fromarray(np.rint(SOFT * 65535).astype(np.uint16)),
    "8 bits in 16": Image.fromarray(np.where(DISC, 255, 0).astype(np.uint16)),
    "white first": indexed(~DISC, WHITE, BLACK),
    "black first": indexed(DISC, BLACK, WHITE),
    "palette of greys": indexed(np.where(DISC, 3, 1), (9, 9, 9), (20, 20, 20), (0, 0, 0), (240, 240, 240)),
    "palette of shades": Image.fromarray(np.rint(SOFT * 255).astype(np.uint8)).quantize(12),
    "quantized": Image.fromarray(np.where(DISC, 255, 0).astype(np.uint8)).convert("RGB").quantize(2),
    "red palette": indexed(DISC, BLACK, (128, 0, 0)),
    "alpha of white": rgba(255, DISC * 255),
    "alpha of black": rgba(0, DISC * 255),
    "alpha of a picture": rgba(NOISE, DISC * 255),
    "soft alpha": rgba(255, np.rint(SOFT * 255)),
    "premultiplied": rgba(np.rint(SOFT * 255), np.rint(SOFT * 255)),
    "grey with alpha": Image.fromarray(np.dstack([DISC * 0 + 255, DISC * 255]).astype(np.uint8)),
    "opaque alpha": rgba(np.where(DISC, 255, 0), DISC * 0 + 255),
}


@pytest.mark.parametrize("kind", ONE_OBJECT)
def test_a_mask_of_one_object_is_object_1_however_it_is_stored(tmp_path, kind):
    ONE_OBJECT[kind].save(tmp_path / "3.png")
    (labels,), told = read(tmp_path)
    assert set(np.unique(labels)) == {0, 1}
    assert np.array_equal(labels == 1, SOFT >= 0.5) or np.array_equal(labels == 1, DISC), told
    assert "1 object, 15 % of the frame" in told
    soft = {"anti-aliased", "anti-aliased with 15 greys", "feathered", "premultiplied", "one shade of grey"}
    soft |= {"16 bits, soft", "palette of shades", "soft alpha"}
    assert ("soft edges are kept" in told) == (kind in soft)


@pytest.mark.parametrize("colour", ["L", "RGB"])
def test_a_jpeg_is_black_and_white_whatever_its_compression_has_left(tmp_path, colour):
    Image.fromarray(np.where(DISC, 255, 0).astype(np.uint8)).convert(colour).save(tmp_path / "1.jpg", quality=60)
    (labels,), told = read(tmp_path)
    assert ((labels == 1) != DISC).sum() <= 8
    assert told.startswith("keyframes: 1 image, black and white: 1 object")


def test_float_images_are_masks_of_0_to_1(tmp_path):
    Image.fromarray(SOFT.astype(np.float32)).save(tmp_path / "1.tif")
    write_exr(tmp_path / "2.exr", {"Y": SOFT.astype(np.float32)})
    write_exr(tmp_path / "3.exr", rgb(np.repeat(SOFT.astype(np.float32)[..., None], 3, axis=2)))
    found, told = read(tmp_path)
    assert len(found) == 3 and all(np.array_equal(labels == 1, SOFT >= 0.5) for labels in found)
    assert told.startswith("keyframes: 3 images, black and white: 1 object, 15 % of the frame; soft edges")


@pytest.mark.parametrize("white", [255, 65535])
@pytest.mark.parametrize("masks", [Masks.AUTO, Masks.BINARY])
def test_float_images_of_8_or_16_bits_are_cut_at_half_of_white(tmp_path, masks, white):
    Image.fromarray((SOFT * white).astype(np.float32)).save(tmp_path / "1.tif")
    Image.fromarray(np.where(DISC, white, 0).astype(np.float32)).save(tmp_path / "2.tif")
    found, _ = read(tmp_path, masks)
    assert np.array_equal(found[0] == 1, SOFT >= 0.5) and np.array_equal(found[1] == 1, DISC)


NUMBERS = {
    "grey": Image.fromarray(TWO),
    "16 bits": Image.fromarray(TWO.astype(np.uint16)),
    "float": Image.fromarray(TWO.astype(np.float32)),
    "DAVIS palette": indexed(TWO, *PALETTE.tolist()),
    "DAVIS colours": Image.fromarray(PALETTE[TWO]),
    "own palette": indexed(TWO, BLACK, (10, 200, 30), (0, 0, 255)),
    "own palette without black": indexed(TWO, (90, 90, 80), (10, 200, 30), (0, 0, 255)),
    "palette without colours": indexed(TWO, BLACK, BLACK, BLACK),
    "dark palette of greys": indexed(TWO, BLACK, (50, 50, 50), (90, 90, 90)),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_object_numbers_are_read_as_stored(tmp_path, kind):
    NUMBERS[kind].save(tmp_path / ("3.tif" if kind == "float" else "3.png"))
    (labels,), told = read(tmp_path)
    assert np.array_equal(labels, TWO)
    assert told == "keyframes: 1 image, object numbers: 2 objects (1, 2), 24 % of the frame"


def test_transparent_background_of_a_palette_leaves_its_numbers(tmp_path):
    NUMBERS["own palette"].save(tmp_path / "3.png", transparency=0)
    assert np.array_equal(read(tmp_path)[0][0], TWO)


def test_on_a_transparent_white_background_the_black_part_is_the_object(tmp_path):
    indexed(DISC, WHITE, BLACK).save(tmp_path / "3.png", transparency=0)
    (labels,), told = read(tmp_path)
    assert np.array_equal(labels, DISC) and "opaque and transparent: 1 object" in told


def test_large_flat_greys_are_numbers(tmp_path):
    Image.fromarray(TWO * np.uint8(100)).save(tmp_path / "3.png")
    assert np.array_equal(read(tmp_path)[0][0], TWO * 100)


def test_a_single_number_is_kept(tmp_path):
    Image.fromarray(DISC.astype(np.uint8) * np.uint8(7)).save(tmp_path / "3.png")
    (labels,), told = read(tmp_path)
    assert np.array_equal(labels, DISC * 7) and "1 object (7)" in told


@pytest.mark.parametrize("palette", [PALETTE, None], ids=["palette", "grey"])
def test_255_beside_numbers_is_unknown(tmp_path, palette):
    rim = (DISTANCE >= 0) & (DISTANCE < 3)
    write_png(tmp_path / "3.png", np.where(rim, 255, TWO), palette)
    write_png(tmp_path / "4.png", np.where(BOX, 255, 0), palette)
    (labels,), told = read(tmp_path)
    assert np.array_equal(labels, np.where(rim, 0, TWO)), "an image of 255 alone, beside it, is not an object either"
    assert "2 objects (1, 2)" in told and "255 is unknown, not an object" in told
    exact, _ = read(tmp_path, Masks.NUMBERS)
    assert [set(np.unique(one)) for one in exact] == [{0, 1, 2, 255}, {0, 255}]


def test_one_colour_on_black_is_one_object(tmp_path):
    Image.fromarray((DISC[..., None] * (250, 20, 30)).astype(np.uint8)).save(tmp_path / "3.png")
    (labels,), told = read(tmp_path)
    assert np.array_equal(labels, DISC) and "colours: 1 object (1 = #fa141e), 15 %" in told


def test_flat_colours_on_black_are_objects_in_the_order_of_their_values(tmp_path):
    colours = np.array([(0, 0, 0), (200, 30, 0), (0, 30, 200)], np.uint8)
    Image.fromarray(colours[TWO]).save(tmp_path / "3.png")
    Image.fromarray(colours[np.where(DISC, 1, 0)]).save(tmp_path / "5.png")
    (first, second), told = read(tmp_path)
    assert np.array_equal(first, np.array([0, 2, 1])[TWO]) and np.array_equal(second, DISC * 2)
    assert "colours: 2 objects (1 = #001ec8, 2 = #c81e00)" in told


UNSURE = {
    "a photograph": Image.fromarray(NOISE),
    "a grey photograph": Image.fromarray(NOISE[..., 0]),
    "a quantized photograph": Image.fromarray(NOISE).quantize(20),
    "soft edges between colours": Image.fromarray(
        np.rint((np.rint(SOFT * 8) / 8)[..., None] * (250, 20, 90)).astype(np.uint8)
    ),
    "three greys, the last white": Image.fromarray((TWO * 127.5).astype(np.uint8)),
    "colours on white": Image.fromarray(np.array([WHITE, (200, 30, 0), (0, 30, 200)], np.uint8)[TWO]),
    "black as a number of a palette": indexed(TWO, (200, 30, 0), BLACK, (0, 30, 200)),
    "a mask with another alpha": rgba(np.where(DISC, 255, 0), (X > 30) * 255),
    "colours on transparent": rgba(np.array([BLACK, (200, 30, 0), (0, 30, 200)])[TWO], (TWO > 0) * 255),
    "a dim soft mask": Image.fromarray(np.rint(SOFT * 100).astype(np.uint8)),
    "a few numbers beside much 255": Image.fromarray(
        np.where(DISC, 255, np.where((Y == 50) & (X < 9), 1, 0)).astype(np.uint8)
    ),
}


@pytest.mark.parametrize("kind", UNSURE)
def test_what_is_not_clear_is_asked(tmp_path, kind):
    UNSURE[kind].save(tmp_path / "3.png")
    with pytest.raises(KeyframeNotLabels, match=r"3\.png") as refusal:
        read(tmp_path)
    assert "--masks" in refusal.value.remedy or "photograph" in kind


def test_the_image_that_is_not_clear_is_the_one_named(tmp_path):
    Image.fromarray(DISC.astype(np.uint8)).save(tmp_path / "3.png")
    Image.fromarray(np.where(DISC, 255, 0).astype(np.uint8)).save(tmp_path / "4.png")
    with pytest.raises(KeyframeNotLabels, match=r"4\.png holds is not clear: 255"):
        read(tmp_path)


def test_a_folder_of_files_that_are_no_images_names_one(tmp_path):
    (tmp_path / "00001.gif").write_bytes(b"GIF89a")
    with pytest.raises(NoKeyframes, match=r"of a kind that is read as such; it has 00001\.gif"):
        read(tmp_path)


def test_the_choice_is_obeyed(tmp_path):
    UNSURE["three greys, the last white"].save(tmp_path / "3.png")
    assert np.array_equal(read(tmp_path, Masks.NUMBERS)[0][0], np.array([0, 127, 255])[TWO])
    assert np.array_equal(read(tmp_path, Masks.BINARY)[0][0], BOX & ~DISC)
    assert np.array_equal(read(tmp_path, Masks.COLOURS)[0][0], TWO)
    with pytest.raises(KeyframeNotLabels, match="no alpha channel"):
        read(tmp_path, Masks.ALPHA)
    UNSURE["a mask with another alpha"].save(tmp_path / "3.png")
    assert np.array_equal(read(tmp_path, Masks.ALPHA)[0][0], X > 30)
    assert np.array_equal(read(tmp_path, Masks.BINARY)[0][0], DISC & (X > 30))
    UNSURE["a dim soft mask"].save(tmp_path / "3.png")
    assert np.array_equal(read(tmp_path, Masks.BINARY)[0][0], np.rint(SOFT * 100) >= 50)
    UNSURE["colours on transparent"].save(tmp_path / "3.png")
    assert np.array_equal(read(tmp_path, Masks.COLOURS)[0][0], np.array([0, 2, 1])[TWO])
    assert np.array_equal(read(tmp_path, Masks.ALPHA)[0][0], TWO > 0)


def test_one_meaning_holds_for_all_images_of_a_folder(tmp_path):
    Image.fromarray(np.where(DISC, 255, 0).astype(np.uint8)).save(tmp_path / "0.png")
    Image.new("L", (W, H), 255).save(tmp_path / "1.png")
    Image.new("L", (W, H), 0).save(tmp_path / "2.png")
    indexed(~DISC, WHITE, BLACK).save(tmp_path / "3.png")
    Image.new("1", (W, H), 1).save(tmp_path / "4.png")
    found, _ = read(tmp_path)
    assert [int(labels.sum()) for labels in found] == [DISC.sum(), H * W, DISC.sum(), H * W]


def test_images_that_hold_different_things_are_refused_by_name(tmp_path):
    Image.fromarray(np.where(DISC, 255, 0).astype(np.uint8)).save(tmp_path / "0.png")
    write_labels(tmp_path / "1.png", TWO)
    with pytest.raises(KeyframeNotLabels, match=r"0\.png holds black and white, but .*1\.png holds object numbers"):
        read(tmp_path)
    rgba(255, DISC * 255).save(tmp_path / "1.png")
    with pytest.raises(EngineError, match=r"0\.png.*no transparent pixels, unlike .*1\.png"):
        read(tmp_path)


def test_how_a_keyframe_is_read_travels_with_its_job(tmp_path):
    colours = np.array([(0, 0, 0), (200, 30, 0), (0, 30, 200)], np.uint8)
    Image.fromarray(colours[TWO]).save(tmp_path / "3.png")
    (keyframe,) = read_keyframes(tmp_path, tuple(range(10)), (H, W))
    assert from_json(KeyframeFile, json.loads(json.dumps(to_json(keyframe)))) == keyframe


@pytest.mark.parametrize("object_id", [1, 128, 255])
def test_a_keyframe_of_the_extension_is_always_its_object_number(tmp_path, object_id):
    write_png(tmp_path / "000003.png", DISC * np.uint8(object_id))
    keyframe = from_json(KeyframeFile, {"frame": 3, "labels": str(tmp_path / "000003.png"), "objects": [object_id]})
    assert np.array_equal(read_keyframe(keyframe, size=(H, W)).labels, DISC * np.uint8(object_id))
