"""Reading and writing PNG without an image library, against Pillow."""

from __future__ import annotations

import numpy as np
import pytest
from keymatte.addon import png
from PIL import Image


def film_grain(height: int, width: int) -> np.ndarray:
    """A soft blob with some noise: an encoder picks a different filter for almost every row."""
    y, x = np.mgrid[0:height, 0:width]
    blob = 255 * np.exp(-((x - width / 2) ** 2 + (y - height / 2) ** 2) / (width * 3))
    noise = np.random.default_rng(1).integers(0, 12, (height, width))
    return np.clip(blob + noise, 0, 255).astype(np.uint8)


def test_labels_written_are_read_by_pillow(tmp_path):
    labels = np.random.default_rng(0).integers(0, 256, (31, 47), dtype=np.uint8)
    png.write_labels(tmp_path / "labels.png", labels)
    with Image.open(tmp_path / "labels.png") as image:
        assert image.mode == "L"
        assert (np.asarray(image) == labels).all()


def test_labels_written_are_read_back(tmp_path):
    labels = np.random.default_rng(0).integers(0, 256, (31, 47), dtype=np.uint8)
    png.write_labels(tmp_path / "labels.png", labels)
    picture = png.read(tmp_path / "labels.png")
    assert (picture.values == labels).all()
    assert not picture.palette


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (64, 40), (40, 64)])
def test_a_matte_of_pillows_is_read(tmp_path, size):
    matte = film_grain(*size)
    Image.fromarray(matte).save(tmp_path / "matte.png")
    assert (png.read(tmp_path / "matte.png").values == matte).all()


def with_filters(values: np.ndarray, filters: np.ndarray) -> bytes:
    """A PNG whose row y is filtered by filters[y], written pixel by pixel as the standard says."""
    height, width = values.shape
    padded = np.zeros((height + 1, width + 1), int)
    padded[1:, 1:] = values
    rows = bytearray()
    for y in range(height):
        rows.append(filters[y])
        for x in range(width):
            left, up, corner = padded[y + 1, x], padded[y, x + 1], padded[y, x]
            guess = left + up - corner
            paeth = min((abs(guess - v), order, v) for order, v in enumerate((left, up, corner)))[2]
            predicted = (0, left, up, (left + up) // 2, paeth)[filters[y]]
            rows.append((int(values[y, x]) - int(predicted)) % 256)
    import struct
    import zlib

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png._chunk(b"IHDR", header)
        + png._chunk(b"IDAT", zlib.compress(bytes(rows)))
        + png._chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", [0, 1, 2, 3, 4, "mixed"])
def test_every_row_filter_is_undone(tmp_path, kind):
    values = np.random.default_rng(3).integers(0, 256, (23, 17), dtype=np.uint8)
    filters = np.random.default_rng(4).integers(0, 5, 23) if kind == "mixed" else np.full(23, kind)
    path = tmp_path / "filtered.png"
    path.write_bytes(with_filters(values, filters))
    with Image.open(path) as image:
        assert (np.asarray(image) == values).all(), "the test's own encoder is wrong"
    assert (png.read(path).values == values).all()


@pytest.mark.parametrize("colours", [2, 4, 16, 256])
def test_a_palette_image_gives_its_entries(tmp_path, colours):
    values = np.random.default_rng(2).integers(0, colours, (21, 37), dtype=np.uint8)
    image = Image.fromarray(values)
    image.putpalette(np.random.default_rng(5).integers(0, 256, colours * 3, dtype=np.uint8).tobytes())
    image.save(tmp_path / "palette.png", bits={2: 1, 4: 2, 16: 4, 256: 8}[colours])
    picture = png.read(tmp_path / "palette.png")
    assert picture.palette
    assert (picture.values == values).all()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "I;16", "LA"])
def test_colours_and_deep_images_are_refused(tmp_path, mode):
    Image.new(mode, (8, 8)).save(tmp_path / "other.png")
    with pytest.raises(png.PngError):
        png.read(tmp_path / "other.png")


@pytest.mark.parametrize("kept", [4, 20, 60, 200])
def test_a_file_cut_off_is_refused(tmp_path, kept):
    path = tmp_path / "cut.png"
    png.write_labels(path, film_grain(40, 40))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(png.PngError):
        png.read(path)
