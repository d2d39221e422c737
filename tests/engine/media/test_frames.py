"""Image folders, sequences and patterns are read as the right frames with the right numbers."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.media.frames import FrameReader
from engine.shared.errors import ClipNotFound, ClipUnreadable, FramesUnreadable, MixedSizes, SeveralSequences
from tests.films import moving_disc


def write_grey(path: Path, value: int, size: tuple[int, int] = (8, 6)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, value).save(path)
    return path


def values(reader: FrameReader) -> list[int]:
    return [int(reader.read(frame)[0, 0, 0]) for frame in range(reader.clip.frame_count)]


def test_a_folder_gives_its_images_in_natural_order_with_their_numbers(tmp_path):
    for number in (10, 0, 5):
        write_grey(tmp_path / f"shot{number}.png", 100 + number)
    (tmp_path / "notes.txt").write_text("not an image")
    write_grey(tmp_path / "._shot1.png", 1)
    with FrameReader.open(tmp_path) as reader:
        assert reader.numbers == (0, 5, 10)
        assert values(reader) == [100, 105, 110]
        assert reader.fps is None
        assert (reader.clip.height, reader.clip.width, reader.clip.frame_count) == (6, 8, 3)
        assert reader.clip.path == tmp_path


@pytest.mark.parametrize("name", ["²{:04}.png", "m²_{:04}.png", "{:04}_ⅷ.png", "٣{:04}.png"])
def test_only_ascii_digits_are_frame_numbers(tmp_path, name):
    for number in (10, 0, 5):
        write_grey(tmp_path / name.format(number), 100 + number)
    with FrameReader.open(tmp_path) as reader:
        assert reader.numbers == (0, 5, 10)
        assert values(reader) == [100, 105, 110]


@pytest.mark.parametrize(
    "names, first, second",
    [
        (("left_{:04}.png", "right_{:04}.png"), "left_####.png", "right_####.png"),
        (("{:03}.png", "{:03}.jpg"), "###.jpg", "###.png"),
        (("take1_{}.png", "take2_{}.png"), "take1_#.png", "take2_#.png"),
        (("shot.{:05}.beauty.png", "shot.{:05}.depth.png"), "shot.#####.beauty.png", "shot.#####.depth.png"),
    ],
)
def test_several_sequences_in_one_folder_are_refused_by_name_and_one_can_be_chosen(tmp_path, names, first, second):
    for index, name in enumerate(names):
        for number in (8, 9, 10):
            write_grey(tmp_path / name.format(number), 100 * index + number)
    with pytest.raises(SeveralSequences, match=re.escape(f"such as {first} and {second}")) as refusal:
        FrameReader.open(tmp_path)
    assert str(tmp_path / first) in refusal.value.remedy
    with FrameReader.open(tmp_path / second) as reader:
        assert reader.numbers == (8, 9, 10)


def test_sequences_whose_numbers_continue_each_other_are_one_clip(tmp_path):
    for name in ("a_0001.png", "a_0002.png", "b_0003.png", "b_0004.png"):
        write_grey(tmp_path / name, 1)
    assert FrameReader.open(tmp_path).numbers == (1, 2, 3, 4)


def test_names_without_numbers_or_with_equal_ones_are_counted_from_0(tmp_path):
    for name in ("b.png", "a.png"):
        write_grey(tmp_path / "letters" / name, 1)
    assert FrameReader.open(tmp_path / "letters").numbers == (0, 1)
    for name in ("a_7.png", "b_7.png", "c_7.png"):
        write_grey(tmp_path / "equal" / name, 1)
    assert FrameReader.open(tmp_path / "equal").numbers == (0, 1, 2)


def test_a_first_image_opens_the_run_from_it_to_the_first_gap(tmp_path):
    for number in (3, 4, 5, 6, 8):
        write_grey(tmp_path / f"shot_{number:04d}.png", number)
    with FrameReader.open(tmp_path / "shot_0004.png") as reader:
        assert reader.numbers == (4, 5, 6)
        assert values(reader) == [4, 5, 6]


def test_a_run_keeps_to_its_own_name_and_digits(tmp_path):
    for name in ("a9.png", "a10.png", "a010.png", "b11.png", "a11.jpg"):
        write_grey(tmp_path / name, 5)
    assert FrameReader.open(tmp_path / "a9.png").numbers == (9, 10)


def test_the_number_of_a_run_is_the_last_one_in_the_stem(tmp_path):
    for number in (1, 2):
        write_grey(tmp_path / f"take3_{number:02d}_left.png", number)
    assert FrameReader.open(tmp_path / "take3_01_left.png").numbers == (1, 2)


def test_an_image_without_a_number_is_a_film_of_one_frame(tmp_path):
    with FrameReader.open(write_grey(tmp_path / "still.png", 7)) as reader:
        assert (reader.numbers, values(reader)) == ((0,), [7])


@pytest.mark.parametrize("pattern", ["shot.####.png", "shot.%04d.png", "shot.*.png", "shot.00?0.png"])
def test_pattern_finds_its_files_across_gaps(tmp_path, pattern):
    for number in (10, 20, 40):
        write_grey(tmp_path / f"shot.{number:04d}.png", number)
    write_grey(tmp_path / "other.0030.png", 1)
    with FrameReader.open(str(tmp_path / pattern)) as reader:
        assert reader.numbers == (10, 20, 40)
        assert values(reader) == [10, 20, 40]


def test_hashes_are_the_minimum_number_of_digits(tmp_path):
    for name in ("a8.png", "a09.png", "a10.png", "a100.png"):
        write_grey(tmp_path / name, 1)
    assert FrameReader.open(tmp_path / "a##.png").numbers == (9, 10, 100)
    assert FrameReader.open(tmp_path / "a%d.png").numbers == (8, 10, 100)


def test_a_file_whose_name_looks_like_a_pattern_is_taken_as_it_is(tmp_path):
    with FrameReader.open(write_grey(tmp_path / "take #1.png", 9)) as reader:
        assert values(reader) == [9]


def test_mixed_sizes_are_refused_at_opening_with_two_file_names(tmp_path):
    write_grey(tmp_path / "s1.png", 1)
    write_grey(tmp_path / "s2.png", 1, (8, 7))
    with pytest.raises(MixedSizes, match=r"s1\.png is 8x6, but s2\.png is 8x7"):
        FrameReader.open(tmp_path)


def test_missing_clip_raises_clip_not_found(tmp_path):
    for path in (tmp_path / "gone", tmp_path / "gone.mp4", tmp_path / "no.####.png", tmp_path / "no" / "a.*.png"):
        with pytest.raises(ClipNotFound):
            FrameReader.open(path)
    with pytest.raises(ClipNotFound, match="no images"):
        FrameReader.open(tmp_path)


def test_damaged_or_missing_images_fail_individually_by_name(tmp_path):
    first = moving_disc(5).write_images(tmp_path, suffix=".jpg")
    half = tmp_path / "shot_0002.jpg"
    half.write_bytes(half.read_bytes()[: half.stat().st_size // 2])
    (tmp_path / "shot_0003.jpg").write_bytes(b"")
    with FrameReader.open(first) as reader:
        assert reader.clip.frame_count == 5
        (tmp_path / "shot_0001.jpg").unlink()
        for frame in (1, 2, 3):
            with pytest.raises(FramesUnreadable, match=f"shot_000{frame}.jpg"):
                reader.read(frame)
        assert reader.read(0).shape == reader.read(4).shape == (96, 128, 3)


def test_an_image_that_changed_its_size_after_opening_is_an_error(tmp_path):
    moving_disc(3).write_images(tmp_path)
    with FrameReader.open(tmp_path) as reader:
        write_grey(tmp_path / "shot_0001.png", 1)
        with pytest.raises(FramesUnreadable, match=r"shot_0001\.png is 8x6, but the clip is 128x96"):
            reader.read(1)


def test_a_folder_of_which_nothing_can_be_read_is_unreadable(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(ClipUnreadable):
        FrameReader.open(tmp_path)


def test_images_are_read_exactly_from_a_folder_with_accents_and_spaces(tmp_path):
    film = moving_disc(3)
    first = film.write_images(tmp_path / "Prüfung mit Leer zeichen 映像", start=1001)
    with FrameReader.open(first) as reader:
        assert reader.numbers == (1001, 1002, 1003)
        assert all(np.array_equal(reader.read(frame), film.frames[frame]) for frame in range(3))


def test_frame_out_of_range_raises_index_error(tmp_path):
    with FrameReader.open(write_grey(tmp_path / "a1.png", 1)) as reader, pytest.raises(IndexError):
        reader.read(1)
