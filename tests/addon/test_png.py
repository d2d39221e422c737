"""PNG reading and writing without an image library, compared with Pillow."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from keymatte.addon import png
from PIL import Image

from tests.png import write_png


def noisy_blob(height: int, width: int) -> np.ndarray:
    """Return the noisy soft image of a blob, for which an encoder picks a different filter in almost every row."""
    y, x = np.mgrid[0:height, 0:width]
    blob = 255 * np.exp(-((x - width / 2) ** 2 + (y - height / 2) ** 2) / (width * 3))
    noise = np.random.default_rng(1).integers(0, 12, (height, width))
    return np.clip(blob + noise, 0, 255).astype(np.uint8)


def test_labels_written_are_read_by_pillow(tmp_path):
    labels = np.random.default_rng(0).integers(0, 256, (31, 47), dtype=np.uint8)
    png.write_grey(tmp_path / "labels.png", labels)
    with Image.open(tmp_path / "labels.png") as image:
        assert image.mode == "L"
        assert (np.asarray(image) == labels).all()


def test_labels_written_are_read_back(tmp_path):
    labels = np.random.default_rng(0).integers(0, 256, (31, 47), dtype=np.uint8)
    png.write_grey(tmp_path / "labels.png", labels)
    picture = png.read(tmp_path / "labels.png")
    assert (picture.values == labels).all()
    assert picture.palette is None and picture.alpha is None and picture.white == 255


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (64, 40), (40, 64)])
def test_matte_written_by_pillow_is_read(tmp_path, size):
    matte = noisy_blob(*size)
    Image.fromarray(matte).save(tmp_path / "matte.png")
    assert (png.read(tmp_path / "matte.png").values == matte).all()


@pytest.mark.parametrize("kind", [0, 1, 2, 3, 4, "mixed"])
def test_every_row_filter_is_undone(tmp_path, kind):
    values = np.random.default_rng(3).integers(0, 256, (23, 17), dtype=np.uint8)
    filters = np.random.default_rng(4).integers(0, 5, 23) if kind == "mixed" else np.full(23, kind)
    path = write_png(tmp_path / "filtered.png", values, row_filters=filters)
    with Image.open(path) as image:
        assert (np.asarray(image) == values).all(), "the writer of the tests filters wrongly"
    assert (png.read(path).values == values).all()


@pytest.mark.parametrize("kind", [3, 4])
@pytest.mark.parametrize("columns", [(0, 0), (5, 9), (0, 17), (6, 17)])
def test_slow_filters_are_undone_beside_empty_columns(tmp_path, kind, columns):
    """The object ends in the middle, or reaches the edges, where its last column may be stored as zeros."""
    values = np.zeros((12, 17), np.uint8)
    values[3:8, slice(*columns)] = 200
    filters = np.where(np.arange(12) < 2, 2, kind)
    assert (png.read(write_png(tmp_path / "filtered.png", values, row_filters=filters)).values == values).all()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_shared_png_writer_agrees_with_pillow_for_all_channel_counts(tmp_path, channels):
    values = np.random.default_rng(6).integers(0, 256, (9, 14, channels), dtype=np.uint8).squeeze()
    for filters in (None, np.arange(9) % 5):
        with Image.open(write_png(tmp_path / "written.png", values, row_filters=filters)) as image:
            assert image.mode == {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels]
            assert (np.asarray(image) == values).all()


@pytest.mark.parametrize("bit_depth", [1, 2, 4, 8])
def test_shared_png_writer_agrees_with_pillow_for_palettes(tmp_path, bit_depth):
    rng = np.random.default_rng(7)
    values, palette = rng.integers(0, 2**bit_depth, (9, 13)), rng.integers(0, 256, (2**bit_depth, 3))
    with Image.open(write_png(tmp_path / "written.png", values, palette, bit_depth=bit_depth)) as image:
        assert (np.asarray(image) == values).all()
        assert (np.asarray(image.convert("RGB")) == palette[values]).all()


@pytest.mark.parametrize("colours", [2, 4, 16, 256])
def test_palette_image_gives_palette_indices(tmp_path, colours):
    values = np.random.default_rng(2).integers(0, colours, (21, 37), dtype=np.uint8)
    image = Image.fromarray(values)
    palette = np.random.default_rng(5).integers(0, 256, (colours, 3), dtype=np.uint8)
    image.putpalette(palette.tobytes())
    image.save(tmp_path / "palette.png", bits={2: 1, 4: 2, 16: 4, 256: 8}[colours], transparency=1)
    picture = png.read(tmp_path / "palette.png")
    assert (picture.palette == palette).all()
    assert (picture.values == values).all()
    assert (picture.alpha == np.where(values == 1, 0, 255)).all()


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (5, 9), (23, 17)])
@pytest.mark.parametrize("bit_depth", [1, 4, 8])
def test_interlaced_image_is_read(tmp_path, size, bit_depth):
    values = np.random.default_rng(8).integers(0, 2**bit_depth, size)
    path = write_png(tmp_path / "interlaced.png", values, bit_depth=bit_depth, interlaced=True)
    with Image.open(path) as image:
        scale = 17 if bit_depth == 4 else 1  # Pillow scales 4 bits to 8
        assert (np.asarray(image) == values * scale).all(), "the writer of the tests interlaces wrongly"
    picture = png.read(path)
    assert (picture.values == values).all()
    assert picture.white == 2**bit_depth - 1


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "I;16", "LA"])
def test_colour_and_16_bit_images_are_refused(tmp_path, mode):
    Image.new(mode, (8, 8)).save(tmp_path / "other.png")
    with pytest.raises(png.PngError):
        png.read(tmp_path / "other.png")


@pytest.mark.parametrize("kind", [0, 1, 2, 3, 4])
def test_the_upper_bytes_of_deep_grey_images_are_read_on_request(tmp_path, kind):
    values = np.random.default_rng(3).integers(0, 65536, (70, 23)).astype(np.uint16)
    values[20:40, 5:] = 0
    write_png(tmp_path / "deep.png", values, bit_depth=16, row_filters=np.full(70, kind))
    assert (png.read(tmp_path / "deep.png", deep=True).values == values >> 8).all()
    with pytest.raises(png.PngError):
        png.read(tmp_path / "deep.png")


@pytest.mark.parametrize("kept", [4, 20, 60, 200])
def test_truncated_file_is_refused(tmp_path, kept):
    path = tmp_path / "cut.png"
    png.write_grey(path, noisy_blob(40, 40))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(png.PngError):
        png.read(path)


def with_header(path: Path, **changes: int) -> Path:
    """Rewrite fields of a PNG's header, and its checksum."""
    names = ("width", "height", "depth", "colour", "compression", "filters", "interlaced")
    data = bytearray(path.read_bytes())
    header = struct.pack(">IIBBBBB", *(dict(zip(names, struct.unpack(">IIBBBBB", data[16:29]))) | changes).values())
    data[16:33] = header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "changes",
    [{"depth": 0}, {"depth": 3}, {"depth": 16}, {"width": 0}, {"height": 0}, {"width": 2**31 - 1, "height": 2**31 - 1}],
)
def test_impossible_header_is_refused(tmp_path, changes):
    png.write_grey(tmp_path / "a.png", noisy_blob(40, 40))
    with pytest.raises(png.PngError, match=r"a\.png"):
        png.read(with_header(tmp_path / "a.png", **changes))


def test_no_more_pixels_are_unpacked_than_the_header_says(tmp_path):
    path = write_png(tmp_path / "bomb.png", np.zeros((4000, 10_000), np.uint8))
    tracemalloc.start()
    values = png.read(with_header(path, height=4)).values
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert values.shape == (4, 10_000)
    assert peak < 2_000_000
