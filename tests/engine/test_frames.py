"""Films are read frame by frame, exactly, and their faults are named."""

from __future__ import annotations

import random
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from engine.errors import ClipNotFound, ClipUnreadable, FramesUnreadable, MixedSizes
from engine.frames import FrameReader
from tests.films import Film, moving_disc


def grey(path: Path, value: int, size: tuple[int, int] = (8, 6)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, value).save(path)
    return path


def values(reader: FrameReader) -> list[int]:
    return [int(reader.read(frame)[0, 0, 0]) for frame in range(reader.clip.frame_count)]


# -- images -----------------------------------------------------------------------------------------------------------
def test_a_folder_gives_its_images_in_natural_order_with_their_numbers(tmp_path):
    for number in (10, 0, 5):
        grey(tmp_path / f"shot{number}.png", 100 + number)
    (tmp_path / "notes.txt").write_text("not an image")
    grey(tmp_path / "._shot1.png", 1)
    with FrameReader.open(tmp_path) as reader:
        assert reader.numbers == (0, 5, 10)
        assert values(reader) == [100, 105, 110]
        assert reader.fps is None
        assert (reader.clip.height, reader.clip.width, reader.clip.frame_count) == (6, 8, 3)
        assert reader.clip.path == tmp_path


def test_names_without_numbers_or_with_equal_ones_are_counted_from_0(tmp_path):
    for name in ("b.png", "a.png"):
        grey(tmp_path / "letters" / name, 1)
    assert FrameReader.open(tmp_path / "letters").numbers == (0, 1)
    for name in ("a_7.png", "b_7.png", "c_7.png"):
        grey(tmp_path / "equal" / name, 1)
    assert FrameReader.open(tmp_path / "equal").numbers == (0, 1, 2)


def test_a_first_image_opens_the_run_from_it_to_the_first_gap(tmp_path):
    for number in (3, 4, 5, 6, 8):
        grey(tmp_path / f"shot_{number:04d}.png", number)
    with FrameReader.open(tmp_path / "shot_0004.png") as reader:
        assert reader.numbers == (4, 5, 6)
        assert values(reader) == [4, 5, 6]


def test_a_run_keeps_to_its_own_name_and_digits(tmp_path):
    for name in ("a9.png", "a10.png", "a010.png", "b11.png", "a11.jpg"):
        grey(tmp_path / name, 5)
    assert FrameReader.open(tmp_path / "a9.png").numbers == (9, 10)


def test_the_number_of_a_run_is_the_last_one_in_the_stem(tmp_path):
    for number in (1, 2):
        grey(tmp_path / f"take3_{number:02d}_left.png", number)
    assert FrameReader.open(tmp_path / "take3_01_left.png").numbers == (1, 2)


def test_an_image_without_a_number_is_a_film_of_one_frame(tmp_path):
    with FrameReader.open(grey(tmp_path / "still.png", 7)) as reader:
        assert (reader.numbers, values(reader)) == ((0,), [7])


@pytest.mark.parametrize("pattern", ["shot.####.png", "shot.%04d.png", "shot.*.png", "shot.00?0.png"])
def test_a_pattern_finds_its_files_gaps_or_not(tmp_path, pattern):
    for number in (10, 20, 40):
        grey(tmp_path / f"shot.{number:04d}.png", number)
    grey(tmp_path / "other.0030.png", 1)
    with FrameReader.open(str(tmp_path / pattern)) as reader:
        assert reader.numbers == (10, 20, 40)
        assert values(reader) == [10, 20, 40]


def test_hashes_mean_padding_and_longer_numbers_pass(tmp_path):
    for name in ("a8.png", "a09.png", "a10.png", "a100.png"):
        grey(tmp_path / name, 1)
    assert FrameReader.open(tmp_path / "a##.png").numbers == (9, 10, 100)
    assert FrameReader.open(tmp_path / "a%d.png").numbers == (8, 10, 100)


def test_a_file_whose_name_looks_like_a_pattern_is_taken_as_it_is(tmp_path):
    with FrameReader.open(grey(tmp_path / "take #1.png", 9)) as reader:
        assert values(reader) == [9]


def test_sizes_are_compared_at_opening_and_two_files_are_named(tmp_path):
    grey(tmp_path / "s1.png", 1)
    grey(tmp_path / "s2.png", 1, (8, 7))
    with pytest.raises(MixedSizes, match=r"s1\.png is 8x6, but s2\.png is 8x7"):
        FrameReader.open(tmp_path)


def test_nothing_there_is_said_in_words(tmp_path):
    for path in (tmp_path / "gone", tmp_path / "gone.mp4", tmp_path / "no.####.png", tmp_path / "no" / "a.*.png"):
        with pytest.raises(ClipNotFound):
            FrameReader.open(path)
    with pytest.raises(ClipNotFound, match="no images"):
        FrameReader.open(tmp_path)


def test_damaged_or_vanished_images_fail_alone_and_are_named(tmp_path):
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
        grey(tmp_path / "shot_0001.png", 1)
        with pytest.raises(FramesUnreadable, match=r"shot_0001\.png is 8x6, the clip 128x96"):
            reader.read(1)


def test_a_folder_of_which_nothing_can_be_read_is_unreadable(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(ClipUnreadable):
        FrameReader.open(tmp_path)


def test_images_are_given_exactly_from_a_folder_with_accents_and_spaces(tmp_path):
    film = moving_disc(3)
    first = film.write_images(tmp_path / "Prüfung mit Leer zeichen 映像", start=1001)
    with FrameReader.open(first) as reader:
        assert reader.numbers == (1001, 1002, 1003)
        assert all(np.array_equal(reader.read(frame), film.frames[frame]) for frame in range(3))


def test_a_frame_outside_is_our_own_mistake(tmp_path):
    with FrameReader.open(grey(tmp_path / "a1.png", 1)) as reader, pytest.raises(IndexError):
        reader.read(1)


# -- movies -----------------------------------------------------------------------------------------------------------
def long_film(count: int = 150) -> Film:
    """Frames that all differ, in a film longer than several backward blocks and groups of pictures."""
    film = moving_disc(count, height=64, width=80)
    for frame, pixels in enumerate(film.frames):
        cv2.putText(pixels, str(frame), (4, 40), cv2.FONT_HERSHEY_SIMPLEX, 1, (255, 255, 255), 2)
    return film


def sequentially(path: Path) -> list[np.ndarray]:
    """All frames as OpenCV gives them from first to last."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    frames = []
    while (got := capture.read())[0]:
        frames.append(cv2.cvtColor(got[1], cv2.COLOR_BGR2RGB))
    capture.release()
    return frames


@pytest.fixture(scope="module")
def movie(tmp_path_factory) -> Path:
    return long_film().write_movie(tmp_path_factory.mktemp("movie") / "Möwe am Meer.mp4", fps=20)


def test_a_movie_tells_its_size_length_and_rate(movie):
    with FrameReader.open(movie) as reader:
        assert (reader.clip.height, reader.clip.width, reader.clip.frame_count) == (64, 80, 150)
        assert reader.numbers == tuple(range(150))
        assert reader.fps == pytest.approx(20)


def test_a_movie_is_read_as_rgb_near_what_was_written(movie):
    film = long_film()
    with FrameReader.open(movie) as reader:
        for frame in (0, 70, 149):
            assert np.abs(reader.read(frame).astype(int) - film.frames[frame]).mean() < 12


@pytest.mark.parametrize(
    "order",
    [
        range(150),
        range(149, -1, -1),
        [*range(70, -1, -1), *range(71, 150)],
        random.Random(3).choices(range(150), k=40),
        [5, 5, 4, 5, 149, 0, 148],
    ],
    ids=["forward", "backward", "both ways from the middle", "at random", "again and again"],
)
@pytest.mark.parametrize("suffix, codec", [(".mp4", "mp4v"), (".avi", "MJPG"), (".avi", "XVID"), (".webm", "VP80")])
def test_every_frame_is_the_one_that_decoding_from_the_start_gives(tmp_path, order, suffix, codec, monkeypatch):
    monkeypatch.setattr("engine.movies._BLOCK_BYTES", 20 * 64 * 80 * 3)
    path = long_film().write_movie(tmp_path / f"a{suffix}", codec=codec)
    wanted = sequentially(path)
    assert len(wanted) == 150
    with FrameReader.open(path) as reader:
        wrong = [frame for frame in order if not np.array_equal(reader.read(frame), wanted[frame])]
    assert wrong == []


def test_what_is_handed_out_may_be_painted_on(movie):
    with FrameReader.open(movie) as reader:
        reader.read(3)[:] = 0
        assert reader.read(3).any()


def test_going_backward_keeps_no_more_than_a_block(movie, monkeypatch):
    monkeypatch.setattr("engine.movies._BLOCK_BYTES", 10 * 64 * 80 * 3)
    with FrameReader.open(movie) as reader:
        kept = reader._read.__self__
        most = 0
        for frame in range(149, -1, -1):
            reader.read(frame)
            most = max(most, len(kept._kept))
        assert most == 10


def test_going_backward_does_not_start_over_for_each_block(movie, monkeypatch):
    monkeypatch.setattr("engine.movies._BLOCK_BYTES", 10 * 64 * 80 * 3)
    opened = []
    capture = cv2.VideoCapture
    monkeypatch.setattr(cv2, "VideoCapture", lambda *words: opened.append(words) or capture(*words))
    with FrameReader.open(movie) as reader:
        for frame in range(149, 50, -1):
            reader.read(frame)
    assert len(opened) == 1


def test_seeks_that_come_out_elsewhere_are_noticed_and_made_good(movie, monkeypatch):
    """A film whose seeks go astray: times are those of the wanted frame, pictures are three frames off."""
    wanted = sequentially(movie)
    true_capture = cv2.VideoCapture
    capture, times = true_capture(str(movie), cv2.CAP_FFMPEG), []
    while capture.grab():
        times.append(capture.get(cv2.CAP_PROP_POS_MSEC))

    class Astray:
        def __init__(self, *words):
            self.true, self.off = true_capture(*words), 0

        def set(self, what, value):
            if what != cv2.CAP_PROP_POS_FRAMES:
                return self.true.set(what, value)
            self.off = 3
            return self.true.set(what, value + self.off)

        def get(self, what):
            value = self.true.get(what)
            return times[round(value / 50) - self.off] if what == cv2.CAP_PROP_POS_MSEC else value

        def __getattr__(self, name):
            return getattr(self.true, name)

    monkeypatch.setattr(cv2, "VideoCapture", Astray)
    monkeypatch.setattr("engine.movies._BLOCK_BYTES", 10 * 64 * 80 * 3)
    with FrameReader.open(movie) as reader:
        assert all(np.array_equal(reader.read(frame), wanted[frame]) for frame in range(149, -1, -1))


def test_a_movie_that_breaks_off_gives_what_it_has_and_names_the_rest(tmp_path):
    path = long_film().write_movie(tmp_path / "a.avi", codec="MJPG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    there = len(sequentially(path))
    assert 50 < there < 120
    with FrameReader.open(path) as reader:
        if reader.clip.frame_count > there:
            with pytest.raises(FramesUnreadable, match=f"frame {reader.clip.frame_count - 1} of movie a.avi"):
                reader.read(reader.clip.frame_count - 1)
        assert reader.clip.frame_count == 150
        assert reader.read(there - 1).shape == (64, 80, 3)
        assert reader.read(0).shape == (64, 80, 3)


@pytest.mark.parametrize("content", [b"", b"not a movie at all" * 100])
def test_a_file_that_is_no_movie_is_unreadable(tmp_path, content):
    for name in ("a.mp4", "a.txt", "a"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ClipUnreadable, match="a"):
            FrameReader.open(tmp_path / name)


def test_a_movie_without_its_index_is_unreadable(movie, tmp_path):
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(movie.read_bytes()[: movie.stat().st_size // 2])
    with pytest.raises(ClipUnreadable, match=r"cut\.mp4"):
        FrameReader.open(cut)


def turned(movie: Path, path: Path) -> Path:
    """A copy whose header asks players to turn the pictures by a quarter."""
    data = bytearray(movie.read_bytes())
    at = data.rindex(b"tkhd") + 4 + 4 + 20 + 16  # version and flags, times and length, then layer and volume
    fixed = (0, 1 << 16, 0, -(1 << 16), 0, 0, 64 << 16, 0, 1 << 30)
    data[at : at + 36] = b"".join(number.to_bytes(4, "big", signed=True) for number in fixed)
    path.write_bytes(data)
    return path


def test_a_movie_filmed_on_its_side_is_upright_unless_the_clip_is_known_to_be_unturned(movie, tmp_path):
    path = turned(movie, tmp_path / "turned.mp4")
    flat = sequentially(movie)[20]
    with FrameReader.open(path) as reader:
        assert (reader.clip.height, reader.clip.width) == (80, 64)
        assert np.array_equal(reader.read(20), np.rot90(flat, -1))
    with FrameReader.open(path, size=(64, 80)) as reader:
        assert (reader.clip.height, reader.clip.width) == (64, 80)
        assert np.array_equal(reader.read(20), flat)
    with FrameReader.open(path, size=(80, 64)) as reader:
        assert (reader.clip.height, reader.clip.width) == (80, 64)
