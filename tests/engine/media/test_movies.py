"""Frames of a movie, read in any order, equal those of sequential decoding."""

from __future__ import annotations

import inspect
import io
import os
import random
import shutil
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from engine.media.frames import FrameReader
from engine.media.movie_decoder import MovieDecoder
from engine.media.movies import Movie
from engine.shared.errors import ClipUnreadable, FramesUnreadable
from tests.films import Film, moving_disc
from tests.movie_files import number_on, numbered_pictures, write_movie


def long_film(count: int = 150) -> Film:
    """Return a film with the frame's number on each picture, longer than several read blocks and groups of pictures."""
    film = moving_disc(count, height=64, width=80)
    for frame, pixels in enumerate(film.frames):
        cv2.putText(pixels, str(frame), (4, 40), cv2.FONT_HERSHEY_SIMPLEX, 1, (255, 255, 255), 2)
    return film


def sequentially(path: Path) -> list[np.ndarray]:
    """Return all frames (H, W, 3) RGB, decoded by OpenCV from first to last without seeking."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    frames = []
    while (got := capture.read())[0]:
        frames.append(cv2.cvtColor(got[1], cv2.COLOR_BGR2RGB))
    capture.release()
    return frames


@pytest.fixture(scope="module")
def movie(tmp_path_factory) -> Path:
    return long_film().write_movie(tmp_path_factory.mktemp("movie") / "Möwe am Meer.mp4", fps=20)


def test_movie_has_size_frame_count_and_frame_rate(movie):
    with FrameReader.open(movie) as reader:
        assert (reader.clip.height, reader.clip.width, reader.clip.frame_count) == (64, 80, 150)
        assert reader.numbers == tuple(range(150))
        assert reader.fps == pytest.approx(20)


@pytest.mark.skipif(os.name == "nt", reason="Windows does not allow such names")
@pytest.mark.parametrize("name", ["take:1.mp4", "http:shot.mp4", "50%.mp4", "a|b.mp4"])
def test_a_relative_name_that_looks_like_an_address_is_a_file(movie, tmp_path, name, monkeypatch):
    shutil.copyfile(movie, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    with FrameReader.open(Path(name)) as reader, FrameReader.open(movie) as plain:
        assert reader.clip.frame_count == plain.clip.frame_count
        assert np.array_equal(reader.read(1), plain.read(1))


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
def test_random_access_equals_sequential_decoding(tmp_path, order, suffix, codec, monkeypatch):
    monkeypatch.setattr("engine.media.movies._BLOCK_BYTES", 20 * 64 * 80 * 3)
    path = long_film().write_movie(tmp_path / f"a{suffix}", codec=codec)
    wanted = sequentially(path)
    assert len(wanted) == 150
    with FrameReader.open(path) as reader:
        wrong = [frame for frame in order if not np.array_equal(reader.read(frame), wanted[frame])]
    assert wrong == []


def test_returned_frames_may_be_modified(movie):
    with FrameReader.open(movie) as reader:
        reader.read(3)[:] = 0
        assert reader.read(3).any()


def movie_of(reader: FrameReader) -> Movie:
    """Return the movie that a reader of one reads from."""
    movie = inspect.getclosurevars(reader._read).nonlocals["movie"]
    assert isinstance(movie, Movie)
    return movie


def test_going_backward_keeps_no_more_than_a_block(movie, monkeypatch):
    monkeypatch.setattr("engine.media.movies._BLOCK_BYTES", 10 * 64 * 80 * 3)
    with FrameReader.open(movie) as reader:
        kept = movie_of(reader)
        max_kept = 0
        for frame in range(149, -1, -1):
            reader.read(frame)
            max_kept = max(max_kept, len(kept._cached))
        assert max_kept == 10


@pytest.mark.parametrize("name, options", [("a.mp4", {"bf": "2"}), ("a.ts", {}), ("a.mkv", {})])
def test_going_backward_decodes_each_group_of_pictures_once(tmp_path, name, options, monkeypatch):
    monkeypatch.setattr("engine.media.movies._BLOCK_BYTES", 12 * 64 * 48 * 3)
    path = write_movie(tmp_path / name, numbered_pictures(150), options={"g": "12", **options})
    with FrameReader.open(path) as reader:
        decoded: list[int] = []
        next_picture = MovieDecoder.next
        monkeypatch.setattr(MovieDecoder, "next", lambda self: decoded.append(1) or next_picture(self))
        assert [number_on(reader.read(frame)) for frame in range(149, -1, -1)] == list(range(149, -1, -1))
    assert len(decoded) < 3 * 150


def test_inaccurate_seeks_are_detected_and_corrected(tmp_path, monkeypatch):
    """Let each seek end one group of pictures too late, as in a file with a wrong table of keyframes."""
    monkeypatch.setattr("engine.media.movies._BLOCK_BYTES", 10 * 64 * 48 * 3)
    path = write_movie(tmp_path / "a.mp4", numbered_pictures(100), options={"g": "10"})
    seek, sought = MovieDecoder.seek, []
    monkeypatch.setattr(
        MovieDecoder, "seek", lambda self, time: sought.append(time) or seek(self, time + round(0.4 / self.unit))
    )
    with FrameReader.open(path) as reader:
        assert [number_on(reader.read(frame)) for frame in range(99, -1, -1)] == list(range(99, -1, -1))
    assert sought


@pytest.mark.parametrize("name, codec", [("a.avi", "mjpeg"), ("a.mp4", "libx264")])
def test_a_movie_that_is_cut_off_gives_its_pictures_and_says_so(tmp_path, name, codec):
    path = write_movie(
        tmp_path / name,
        numbered_pictures(150),
        codec=codec,
        pixel_format="yuvj420p" if codec == "mjpeg" else "yuv420p",
        container_options={"movflags": "faststart"} if name.endswith("mp4") else {},
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with FrameReader.open(path) as reader:
        count = reader.clip.frame_count
        assert 20 < count < 120
        assert "cut off: it should have 150" in reader.warning and f"only {count} can be read" in reader.warning
        assert [number_on(reader.read(frame)) for frame in (0, count - 2)] == [0, count - 2]


def test_a_damaged_part_is_told_and_the_other_pictures_are_read(tmp_path):
    path = write_movie(tmp_path / "a.avi", numbered_pictures(100), codec="mjpeg", pixel_format="yuvj420p")
    data = bytearray(path.read_bytes())
    middle = data.index(b"00dc", len(data) // 2)
    size = int.from_bytes(data[middle + 4 : middle + 8], "little")
    data[middle + 8 : middle + 8 + size] = bytes(size)
    path.write_bytes(data)
    with FrameReader.open(path) as reader:
        assert "1 part of it cannot be decoded" in reader.warning
        numbers = [number_on(reader.read(frame)) for frame in range(reader.clip.frame_count)]
    assert len(numbers) == 99 and numbers == sorted(set(numbers))


def test_a_movie_that_vanishes_or_changes_while_it_is_read_is_an_error(tmp_path):
    path = write_movie(tmp_path / "a.mp4", numbered_pictures(60), options={"g": "6"})
    with FrameReader.open(path) as reader:
        movie = movie_of(reader)
        reader.read(0)
        movie._lead = 3  # reopens the file instead of seeking
        path.rename(tmp_path / "other.mp4")
        with pytest.raises(FramesUnreadable, match="no longer exists"):
            reader.read(59), movie._reopen()
        write_movie(path, numbered_pictures(60)[::-1], options={"g": "6"})
        with pytest.raises(FramesUnreadable, match="or the file has changed"):
            reader.read(20)


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


def rotated(movie: Path, path: Path, *, half: bool = False) -> Path:
    """Write a copy of the movie whose header asks players to rotate the pictures by 90 degrees, or by 180."""
    data = bytearray(movie.read_bytes())
    at = data.rindex(b"tkhd") + 4 + 4 + 20 + 16  # version and flags, times and length, then layer and volume
    fixed = (0, 1 << 16, 0, -(1 << 16), 0, 0, 64 << 16, 0, 1 << 30)
    fixed = (-(1 << 16), 0, 0, 0, -(1 << 16), 0, 80 << 16, 64 << 16, 1 << 30) if half else fixed
    data[at : at + 36] = b"".join(number.to_bytes(4, "big", signed=True) for number in fixed)
    path.write_bytes(data)
    return path


def test_rotated_movie_is_upright_unless_the_clip_size_is_unrotated(movie, tmp_path):
    path = rotated(movie, tmp_path / "rotated.mp4")
    unrotated = sequentially(movie)[20]
    with FrameReader.open(path) as reader:
        assert (reader.clip.height, reader.clip.width) == (80, 64)
        assert np.array_equal(reader.read(20), np.rot90(unrotated, -1))
    with FrameReader.open(path, size=(64, 80)) as reader:
        assert (reader.clip.height, reader.clip.width) == (64, 80)
        assert np.array_equal(reader.read(20), unrotated)
    with FrameReader.open(path, size=(80, 64)) as reader:
        assert (reader.clip.height, reader.clip.width) == (80, 64)


@pytest.mark.parametrize("upright", [True, False, None])
def test_half_a_turn_does_not_show_in_the_size_and_is_given(movie, tmp_path, upright):
    path = rotated(movie, tmp_path / "upside down.mp4", half=True)
    stored = sequentially(movie)[20]
    with FrameReader.open(path, size=(64, 80), upright=upright) as reader:
        assert np.array_equal(reader.read(20), stored if upright is False else np.rot90(stored, 2))


def with_cover_first(movie: Path, path: Path) -> Path:
    """Write a copy of the movie whose header begins with a cover, which FFmpeg then lists as the first video stream."""

    def box(kind: bytes, content: bytes) -> bytes:
        return (8 + len(content)).to_bytes(4, "big") + kind + content

    cover = io.BytesIO()
    Image.new("RGB", (300, 200), "green").save(cover, "JPEG")
    items = box(b"ilst", box(b"covr", box(b"data", bytes([0, 0, 0, 13, 0, 0, 0, 0]) + cover.getvalue())))
    handler = box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    tags = box(b"udta", box(b"meta", bytes(4) + handler + items))
    data = movie.read_bytes()
    header = data.rindex(b"moov") - 4
    length = int.from_bytes(data[header : header + 4], "big")
    general = header + 8 + int.from_bytes(data[header + 8 : header + 12], "big")
    moved = box(b"moov", data[header + 8 : general] + tags + data[general : header + length])
    path.write_bytes(data[:header] + moved + data[header + length :])
    return path


def test_a_cover_before_the_video_is_not_the_video(movie, tmp_path):
    path = with_cover_first(movie, tmp_path / "cover.mp4")
    with av.open(str(path)) as container:
        assert [stream.width for stream in container.streams.video] == [300, 80]
    with FrameReader.open(path) as reader, FrameReader.open(movie) as plain:
        assert reader.clip.frame_count == plain.clip.frame_count and (reader.clip.height, reader.clip.width) == (64, 80)
        assert np.array_equal(reader.read(20), plain.read(20))


def test_sound_with_a_cover_is_no_movie(tmp_path):
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=48000)
        silence = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        silence.sample_rate = 48000
        container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
    with pytest.raises(ClipUnreadable, match="contains no video"):
        FrameReader.open(with_cover_first(path, tmp_path / "cover.mp4"))
