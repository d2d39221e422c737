"""Grey PNG images, compared with Pillow's decoder."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from engine.shared.grey_png import encode_grey


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (40, 64)])
def test_encoded_image_is_decoded_by_pillow(size):
    values = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    with Image.open(io.BytesIO(encode_grey(values))) as image:
        assert image.mode == "L"
        assert (np.asarray(image) == values).all()


def test_every_row_has_the_filter_that_is_undone_fastest():
    data = encode_grey(np.random.default_rng(1).integers(0, 256, (5, 7), dtype=np.uint8))
    at = data.index(b"IDAT")
    (length,) = struct.unpack(">I", data[at - 4 : at])
    rows = np.frombuffer(zlib.decompress(data[at + 4 : at + 4 + length]), np.uint8).reshape(5, 8)
    assert rows[:, 0].tolist() == [2] * 5
