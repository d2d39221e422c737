"""Image files of every kind are read as the same 8-bit RGB."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from engine.media.pictures import is_picture, picture_header, read_picture, rotation_is_ignored
from engine.media.stored_images import read_stored
from engine.shared.errors import FramesUnreadable
from tests.exr_files import rgb, write_exr
from tests.png import write_png

COLOURS = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
DEEP = np.random.default_rng(1).integers(0, 65536, (30, 40, 3), dtype=np.uint16)


def size(path: Path) -> tuple[int, int]:
    """Return the size (H, W) in the header of an image."""
    header = picture_header(path)
    assert header is not None
    return header.size


def deep_write(path: Path, pixels: np.ndarray) -> None:
    """Write grey, RGB or RGBA pixels, as EXR or with OpenCV, through memory as its imwrite fails on some paths."""
    order = {2: slice(None), 3: [2, 1, 0], 4: [2, 1, 0, 3]}[pixels.shape[-1] if pixels.ndim == 3 else 2]
    if path.suffix == ".exr":
        write_exr(path, rgb(pixels))
        return
    ok, data = cv2.imencode(path.suffix, pixels[..., order] if pixels.ndim == 3 else pixels)
    assert ok
    path.write_bytes(data.tobytes())


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".tga", ".ppm"])
def test_lossless_colours_come_back_exactly_with_the_size_of_the_header(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    Image.fromarray(COLOURS).save(path)
    assert np.array_equal(read_picture(path), COLOURS)
    assert size(path) == (30, 40)


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_lossy_pictures_come_back_near_what_was_saved(tmp_path, suffix):
    smooth = cv2.resize(COLOURS[:3, :4], (40, 30), interpolation=cv2.INTER_LINEAR)
    path = tmp_path / f"a{suffix}"
    Image.fromarray(smooth).save(path, quality=95)
    assert np.abs(read_picture(path).astype(int) - smooth).mean() < 4
    assert size(path) == (30, 40)


def test_grey_becomes_three_equal_channels(tmp_path):
    write_png(tmp_path / "a.png", COLOURS[:, :, 0])
    assert np.array_equal(read_picture(tmp_path / "a.png"), np.repeat(COLOURS[:, :, :1], 3, axis=2))


def test_alpha_is_dropped_and_not_blended(tmp_path):
    alpha = np.zeros((30, 40, 1), np.uint8)
    write_png(tmp_path / "a.png", np.concatenate([COLOURS, alpha], axis=2))
    assert np.array_equal(read_picture(tmp_path / "a.png"), COLOURS)


def test_a_palette_is_looked_up(tmp_path):
    palette = np.array([(index, 255 - index, 7) for index in range(256)])
    write_png(tmp_path / "a.png", np.arange(12).reshape(3, 4), palette)
    assert read_picture(tmp_path / "a.png")[2, 3].tolist() == [11, 244, 7]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_are_scaled_to_eight_by_rounding(tmp_path, suffix, channels):
    deep = DEEP if channels == 3 else DEEP[:, :, 0]
    deep_write(tmp_path / f"a{suffix}", deep)
    wanted = np.rint(deep / 65535 * 255).astype(int)
    pixels = read_picture(tmp_path / f"a{suffix}")
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - (wanted if channels == 3 else wanted[:, :, None])).max() == 0


@pytest.mark.parametrize("deep", [False, True], ids=["8 bits", "16 bits"])
def test_a_tiff_whose_0_is_white_is_not_a_negative(tmp_path, deep):
    grey = DEEP[:, :, 0]
    image = Image.fromarray(65535 - grey if deep else (grey >> 8).astype(np.uint8))  # Pillow inverts only 8 bits itself
    image.save(tmp_path / "a.tif", tiffinfo={262: 0})
    wanted = np.rint(grey / 257) if deep else grey >> 8
    assert np.array_equal(read_picture(tmp_path / "a.tif"), np.repeat(wanted[:, :, None], 3, axis=2))
    stored = read_stored(tmp_path / "a.tif")
    assert np.array_equal(stored.values, grey if deep else grey >> 8)


def test_sixteen_bits_with_alpha_lose_only_the_alpha(tmp_path):
    write_png(tmp_path / "a.png", np.concatenate([DEEP, DEEP[:, :, :1] // 3], axis=2), bit_depth=16)
    assert np.array_equal(read_picture(tmp_path / "a.png"), np.rint(DEEP / 65535 * 255).astype(np.uint8))


def test_linear_light_of_an_exr_becomes_srgb_and_is_clipped(tmp_path):
    light = np.zeros((5, 6, 3), np.float32)
    light[0, 0] = (0.5, 0.001, 3.0)
    light[1, 1] = (-1.0, 1.0, np.nan)
    deep_write(tmp_path / "a.exr", light)
    pixels = read_picture(tmp_path / "a.exr")
    # sRGB of 0.5 is 1.055 * 0.5 ** (1 / 2.4) - 0.055 = 0.7354; of 0.001 it is 0.01292
    assert pixels[0, 0].tolist() == [188, 3, 255]
    assert pixels[1, 1].tolist() == [0, 255, 0]
    assert size(tmp_path / "a.exr") == (5, 6)


def test_a_radiance_picture_is_linear_too(tmp_path):
    deep_write(tmp_path / "a.hdr", np.full((5, 6, 3), 0.5, np.float32))
    assert np.abs(read_picture(tmp_path / "a.hdr").astype(int) - 188).max() <= 1
    assert size(tmp_path / "a.hdr") == (5, 6)


def test_a_dpx_of_ten_bits_is_read(tmp_path):
    path = tmp_path / "a.dpx"
    path.write_bytes(dpx(np.full((4, 6), 512), np.full((4, 6), 1023), np.full((4, 6), 0)))
    assert size(path) == (4, 6)
    assert np.abs(read_picture(path)[2, 3].astype(int) - (128, 255, 0)).max() <= 1
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(FramesUnreadable, match=r"a\.dpx"):
        read_picture(path)


def dpx(red: np.ndarray, green: np.ndarray, blue: np.ndarray) -> bytes:
    """Encode a DPX file of 10-bit RGB, three values to a 32-bit word, with the header of SMPTE 268M."""
    height, width = red.shape
    words = (red.astype(np.uint32) << 22 | green.astype(np.uint32) << 12 | blue.astype(np.uint32) << 2).astype(">u4")
    head = bytearray(2048)
    struct.pack_into(">4sI8sI", head, 0, b"SDPX", 2048, b"V1.0", 2048 + words.nbytes)
    struct.pack_into(">HHII", head, 768, 0, 1, width, height)
    head[800:804] = bytes((50, 2, 2, 10))  # descriptor: RGB; transfer and colorimetry: linear; bits per value
    struct.pack_into(">HHI", head, 804, 1, 0, 2048)  # filled words, no compression, offset of the pixels
    return bytes(head) + words.tobytes()


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.tif", "lzw.tif", "a.png", "a.webp", "deep.tif", "deeplzw.tif"])
def test_exif_rotation_is_ignored_as_blender_ignores_it(tmp_path, name, orientation):
    path, exif = tmp_path / name, Image.Exif()
    exif[0x0112] = orientation
    options = {"compression": "tiff_lzw"} if "lzw" in name else {"lossless": True} if ".webp" in name else {}
    if name.startswith("deep"):
        Image.fromarray(DEEP[:, :, 0]).save(path, tiffinfo={0x0112: orientation}, **options)
    else:
        Image.fromarray(COLOURS).save(path, exif=exif, **options)
    wanted = np.rint(DEEP[:, :, :1] / 257) if name.startswith("deep") else COLOURS
    assert size(path) == (30, 40)
    if path.suffix != ".jpg":
        assert np.array_equal(read_picture(path), np.broadcast_to(wanted, (30, 40, 3)))
    assert read_picture(path).shape == (30, 40, 3)
    assert rotation_is_ignored(path) == (orientation >= 5)


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_is_converted_as_blender_converts_it(tmp_path, suffix):
    cmyk = np.full((8, 8, 4), (255, 0, 127, 51), np.uint8)  # the colour is (1 - ink) * (1 - black)
    Image.fromarray(cmyk, "CMYK").save(tmp_path / f"a{suffix}", **({"quality": 100} if suffix == ".jpg" else {}))
    assert np.abs(read_picture(tmp_path / f"a{suffix}")[4, 4].astype(int) - (0, 204, 102)).max() <= 2


def test_a_palette_with_transparency_keeps_its_colours_without_a_word(tmp_path, recwarn):
    image = Image.fromarray(COLOURS).quantize(64)
    wanted = np.array(image.convert("RGB"))
    image.save(tmp_path / "a.png", transparency=bytes(range(0, 192, 3)))
    assert np.array_equal(read_picture(tmp_path / "a.png"), wanted)
    assert not recwarn.list


def test_sixteen_bits_of_grey_with_alpha_are_exact(tmp_path):
    write_png(tmp_path / "a.png", DEEP[:, :, :2], bit_depth=16)
    assert np.array_equal(read_picture(tmp_path / "a.png")[:, :, 1], np.rint(DEEP[:, :, 0] / 257))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_tiff_of_float_is_srgb_as_in_blender(tmp_path, channels):
    values = (DEEP / 65535).astype(np.float32)[:, :, :channels]
    _, data = cv2.imencode(".tif", values[:, :, ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, cv2.IMWRITE_TIFF_COMPRESSION_LZW])
    (tmp_path / "a.tif").write_bytes(data.tobytes())
    wanted = np.rint(values * 255)
    assert np.array_equal(read_picture(tmp_path / "a.tif"), np.broadcast_to(wanted, (30, 40, 3)))


def test_an_avif_is_read(tmp_path):
    smooth = cv2.resize(COLOURS[:3, :4], (40, 30), interpolation=cv2.INTER_LINEAR)
    Image.fromarray(smooth).save(tmp_path / "a.avif", quality=95)
    assert np.abs(read_picture(tmp_path / "a.avif").astype(int) - smooth).mean() < 4
    assert size(tmp_path / "a.avif") == (30, 40)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".exr", ".dpx", ".hdr", ".tif"])
def test_the_content_decides_which_decoder_reads_a_file(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    Image.fromarray(COLOURS).save(path, format="BMP")
    assert np.array_equal(read_picture(path), COLOURS)
    assert size(path) == (30, 40)
    deep_write(tmp_path / "b.exr", COLOURS.astype(np.float32))
    path.write_bytes((tmp_path / "b.exr").read_bytes())
    assert read_picture(path).max() == 255
    assert size(path) == (30, 40)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "deep.png", "deep.tif", "a.webp", "a.bmp", "a.exr"])
@pytest.mark.parametrize("part", [0.0, 0.3, 0.9])
def test_truncated_picture_is_an_error_that_names_it(tmp_path, name, part):
    noise = np.random.default_rng(2).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    if name.startswith("deep"):
        deep_write(tmp_path / name, noise.astype(np.uint16) * 256)
    elif name.endswith(".exr"):
        deep_write(tmp_path / name, noise.astype(np.float32))
    else:
        Image.fromarray(noise).save(tmp_path / name)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: int(len(data) * part)])
    with pytest.raises(FramesUnreadable, match=name):
        read_picture(tmp_path / name)


def test_a_missing_picture_is_an_error_that_names_it(tmp_path):
    with pytest.raises(FramesUnreadable, match=r"gone\.png is missing"):
        read_picture(tmp_path / "gone.png")


def test_paths_with_accents_and_spaces_are_read(tmp_path):
    folder = tmp_path / "Ünïcode möwe 映画"
    folder.mkdir()
    for suffix in (".png", ".exr"):
        deep_write(folder / f"bild ä{suffix}", (COLOURS / 255).astype(np.float32) if suffix == ".exr" else COLOURS)
        assert read_picture(folder / f"bild ä{suffix}").shape == (30, 40, 3)
        assert size(folder / f"bild ä{suffix}") == (30, 40)


def test_hidden_and_other_files_are_not_pictures():
    names = ["a.PNG", "b.jpeg", "._c.jpg", "notes.txt", "shot.mp4", "d.exr"]
    assert [name for name in names if is_picture(Path(name))] == ["a.PNG", "b.jpeg", "d.exr"]


@pytest.mark.filterwarnings("ignore")  # Pillow warns about large and odd headers
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp", ".tga", ".webp", ".dds", ".gif", ".ppm", ".exr"])
def test_damaged_bytes_anywhere_end_in_one_kind_of_error(tmp_path, suffix):
    path = tmp_path / f"whole{suffix}"
    if suffix == ".exr":
        deep_write(path, COLOURS.astype(np.float32) / 255)
    else:
        Image.fromarray(COLOURS).save(path)
    whole, rng = path.read_bytes(), random.Random(1)
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(min(len(data), rng.choice((40, 200, len(data)))))] = rng.randrange(256)
        path.write_bytes(data)
        picture_header(path)
        try:
            assert read_picture(path).ndim == 3
        except FramesUnreadable as error:
            assert path.name in error.message
