"""Several pictures in one file, and windows of EXR images: which are the frames, and what the user is told."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from engine.media.frames import FrameReader
from engine.shared.errors import FramesUnreadable, MixedSizes
from tests.exr_files import rgb, windows, write_exr

VALUES = (200, 100, 50)
PAGES = [Image.new("RGB", (40, 30), (value, value, value)) for value in VALUES]


def write_pages(path: Path, pages: list[Image.Image] = PAGES, **options: object) -> Path:
    pages[0].save(path, save_all=True, append_images=pages[1:], **options)
    return path


def values(reader: FrameReader) -> list[int]:
    return [int(reader.read(frame)[5, 5, 0]) for frame in (2, 0, 1)]


@pytest.mark.parametrize("name", ["stack.tif", "stack_0001.tif", "a.webp", "a.png", "a.avif"])
def test_the_pictures_of_a_single_file_are_its_frames(tmp_path, name):
    options = {".webp": {"lossless": True}, ".avif": {"quality": 100}}.get(Path(name).suffix, {})
    with FrameReader.open(write_pages(tmp_path / name, **options)) as reader:
        assert reader.numbers == (0, 1, 2)
        assert reader.clip.frame_count == 3
        assert np.abs(np.subtract(values(reader), (50, 200, 100))).max() <= 2
        assert reader.counting == f"{name} holds 3 pictures, which are frames 0 to 2."
        assert reader.warning == ""


@pytest.mark.parametrize("channels", [1, 3])
def test_the_pages_of_a_deep_stack_are_exact(tmp_path, channels):
    deep = np.random.default_rng(0).integers(0, 65536, (3, 30, 40, channels), dtype=np.uint16)
    if channels == 1:
        write_pages(tmp_path / "a.tif", [Image.fromarray(page[:, :, 0]) for page in deep])
    else:
        assert cv2.imwritemulti(str(tmp_path / "a.tif"), [np.ascontiguousarray(page[:, :, ::-1]) for page in deep])
    with FrameReader.open(tmp_path / "a.tif") as reader:
        for frame in (2, 0, 1):
            wanted = np.broadcast_to(np.rint(deep[frame] / 257), (30, 40, 3))
            assert np.array_equal(reader.read(frame), wanted)


def test_a_file_that_blender_shows_as_one_picture_stays_one_frame(tmp_path):
    with FrameReader.open(write_pages(tmp_path / "a.tif"), size=(30, 40), frame_count=1) as reader:
        assert (reader.numbers, reader.clip.frame_count) == ((0,), 1)
        assert reader.read(0)[0, 0, 0] == 200
        assert "a.tif holds 3 pictures, of which only the first is used, as in Blender" in reader.warning
        assert "save them as an image sequence" in reader.warning
    with FrameReader.open(tmp_path / "a.tif", size=(30, 40), frame_count=3) as reader:
        assert reader.clip.frame_count == 3


def test_of_each_file_of_a_sequence_the_first_picture_is_used_and_that_is_told_once(tmp_path):
    for number in (1, 2, 3):
        write_pages(tmp_path / f"f_{number}.tif", PAGES[number - 1 :])
    with FrameReader.open(tmp_path) as reader:
        assert reader.numbers == (1, 2, 3)
        assert values(reader) == [50, 200, 100]
        assert reader.warning == (
            "2 of the 3 images hold several pictures, such as f_1.tif with 3; of each, only the first is used."
        )


def test_pictures_of_different_sizes_are_one_frame_and_that_is_told(tmp_path):
    write_pages(tmp_path / "a.tif", [PAGES[0], Image.new("RGB", (20, 15), (1, 2, 3))])
    with FrameReader.open(tmp_path / "a.tif") as reader:
        assert reader.clip.frame_count == 1
        assert reader.warning == "a.tif holds 2 pictures of different sizes, of which only the first is used."


def test_smaller_copies_of_a_picture_are_no_pictures(tmp_path):
    data = bytearray(write_pages(tmp_path / "a.tif", [PAGES[0], Image.new("RGB", (20, 15))]).read_bytes())
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    (second,) = struct.unpack_from("<I", data, first + 2 + 12 * count)
    count = struct.unpack_from("<H", data, second)[0]
    for entry in range(second + 2, second + 2 + 12 * count, 12):
        if struct.unpack_from("<H", data, entry)[0] == 262:  # photometric interpretation, which is not needed
            break
    # a new directory at the end, with the tag "reduced-resolution image" in addition
    directory = data[second : second + 2 + 12 * count]
    start = len(data)
    data += struct.pack("<H", count + 1) + struct.pack("<HHII", 254, 4, 1, 1) + directory[2:] + struct.pack("<I", 0)
    struct.pack_into("<I", data, first + 2 + 12 * struct.unpack_from("<H", data, first)[0], start)
    (tmp_path / "a.tif").write_bytes(data)
    with FrameReader.open(tmp_path / "a.tif") as reader:
        assert (reader.clip.frame_count, reader.warning, reader.counting) == (1, "", "")
        assert reader.read(0)[0, 0, 0] == 200


def test_a_damaged_page_fails_alone(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (3, 30, 40, 3), dtype=np.uint8)
    write_pages(tmp_path / "a.webp", [Image.fromarray(page) for page in noise], lossless=True)
    data = (tmp_path / "a.webp").read_bytes()
    with FrameReader.open(tmp_path / "a.webp") as reader:
        assert np.array_equal(reader.read(2), noise[2])
    last = data.rindex(b"ANMF") + 60
    (tmp_path / "a.webp").write_bytes(data[:last] + bytes(100) + data[last + 100 :])
    with FrameReader.open(tmp_path / "a.webp") as reader:
        assert np.array_equal(reader.read(0), noise[0])
        with pytest.raises(FramesUnreadable, match=r"page 3 of image a\.webp"):
            reader.read(2)


# -- windows and layers of EXR images ----------------------------------------------------------------------------------
def _write_windows(folder: Path, *boxes: tuple[int, int, int, int]) -> None:
    for number, (left, top, right, bottom) in enumerate(boxes):
        light = np.full((bottom - top + 1, right - left + 1, 3), 1.0, np.float32)
        path = folder / f"f_{number:04}.exr"
        write_exr(path, rgb(light), **windows((left, top, right, bottom), (0, 0, 39, 29)))


def test_data_windows_that_vary_are_shown_in_the_display_window(tmp_path):
    _write_windows(tmp_path, (10, 5, 20, 15), (0, 0, 39, 29), (-5, 20, 50, 40))
    with FrameReader.open(tmp_path) as reader:
        assert (reader.clip.height, reader.clip.width) == (30, 40)
        assert [int((reader.read(frame)[..., 0] == 255).sum()) for frame in range(3)] == [11 * 11, 40 * 30, 10 * 40]


def test_a_clip_as_large_as_the_data_window_is_read_as_blender_shows_it(tmp_path):
    _write_windows(tmp_path, (10, 5, 20, 15), (11, 5, 21, 15))
    with FrameReader.open(tmp_path, size=(11, 11)) as reader:
        assert (reader.clip.height, reader.clip.width) == (11, 11)
        assert all((reader.read(frame) == 255).all() for frame in (0, 1))
    with FrameReader.open(tmp_path, size=(30, 40)) as reader:
        assert reader.clip.width == 40
        assert "display window of 40x30 and a data window of 11x11" in reader.explain_size()
    _write_windows(tmp_path, (10, 5, 20, 15), (11, 5, 22, 15))
    with pytest.raises(MixedSizes, match="data windows of the EXR images differ") as refusal:
        FrameReader.open(tmp_path, size=(11, 11))
    assert "without cropping" in refusal.value.remedy


def test_the_layer_used_is_told_and_layers_that_vary_are_a_warning(tmp_path):
    light = np.full((4, 6, 3), 1.0, np.float32)
    for number in (1, 2):
        write_exr(tmp_path / f"f_{number}.exr", {**rgb(light, "V.Combined."), "V.Depth.Z": light[..., 0].copy()})
    with FrameReader.open(tmp_path) as reader:
        assert reader.counting == "f_1.exr has 2 layers (V.Combined, V.Depth), of which V.Combined is used."
        assert reader.warning == ""
    write_exr(tmp_path / "f_3.exr", {**rgb(light, "W.Combined."), "V.Depth.Z": light[..., 0].copy()})
    with FrameReader.open(tmp_path) as reader:
        assert "do not all have the same layers" in reader.warning
