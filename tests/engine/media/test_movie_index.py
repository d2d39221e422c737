"""Every picture of a movie is found, at its time, whatever the container says."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from engine.media import movie_index
from engine.media.frames import FrameReader
from engine.media.movie_index import load_index
from engine.shared.errors import BadSetting, Cancelled, ClipUnreadable
from tests.movie_files import number_on, numbered_pictures, write_movie

UNEVEN = [*range(0, 400, 40), *range(400, 1600, 120)]  # milliseconds: 10 pictures at 25 a second, 10 more slowly


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """Keep indexes in a folder of the test; return the folder."""
    folder = tmp_path / "cache"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *names, **options: folder)
    return folder / "movies"


def numbers(reader: FrameReader) -> list[int]:
    """Return the number on the picture of each media frame."""
    return [number_on(reader.read(frame)) for frame in range(reader.clip.frame_count)]


def textured_pictures(count: int) -> np.ndarray:
    """Return pictures (count, 48, 64, 3) uint8 of noise that drifts, which fill a file evenly."""
    noise = np.random.default_rng(3).integers(0, 256, (48, 64 + 2 * count, 3), np.uint8)
    return np.stack([noise[:, 2 * number :][:, :64] for number in range(count)])


def joined(tmp_path: Path) -> Path:
    """Return a movie of 30 pictures, whose times start again at the 16th, as after `cat one.ts two.ts`."""
    parts = [write_movie(tmp_path / f"{half}.ts", numbered_pictures(30)[15 * half :][:15]) for half in (0, 1)]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def trimmed(tmp_path: Path) -> Path:
    """Return a movie of 30 pictures of which an edit list, written over its header, shows the last 25."""
    path = write_movie(tmp_path / "trimmed.mp4", numbered_pictures(30), options={"bf": "0", "g": "30"})
    data = bytearray(path.read_bytes())
    edits = data.index(b"elst") + 4  # then version and flags, number of edits, and duration, start and rate of each
    assert int.from_bytes(data[edits + 4 : edits + 8], "big") == 1
    unit = load_index(path).unit
    movie_unit = int.from_bytes(data[(at := data.index(b"mvhd") + 4 + 12) : at + 4], "big")
    data[edits + 8 : edits + 12] = round(25 / 25 * movie_unit).to_bytes(4, "big")
    data[edits + 12 : edits + 16] = round(Fraction(5, 25) / unit).to_bytes(4, "big")
    path.write_bytes(data)
    return path


def test_pictures_of_another_size_are_scaled_and_told(tmp_path):
    pictures = numbered_pictures(20)
    first = write_movie(tmp_path / "1.ts", pictures[:10])
    larger = write_movie(tmp_path / "2.ts", pictures[10:].repeat(2, axis=1).repeat(2, axis=2))
    path = tmp_path / "call.ts"
    path.write_bytes(first.read_bytes() + larger.read_bytes())
    for _ in ("made", "kept"):
        with FrameReader.open(path) as reader:
            assert (reader.clip.height, reader.clip.width) == pictures.shape[1:3]
            assert numbers(reader) == list(range(20))
            assert "call.ts changes its size, and 10 pictures are scaled to that of the first" in reader.counting
    with FrameReader.open(first) as reader:
        assert "size" not in reader.counting


@pytest.mark.parametrize("suffix, codec", [(".mp4", "libx264"), (".mkv", "libx264"), (".webm", "libvpx-vp9")])
def test_uneven_pictures_are_counted_in_order_or_by_time(tmp_path, suffix, codec):
    path = write_movie(tmp_path / f"a{suffix}", numbered_pictures(20), times=UNEVEN, codec=codec)
    with FrameReader.open(path) as reader:
        assert numbers(reader) == list(range(20))
        assert "20 pictures at varying intervals" in reader.counting and "--fps 25" in reader.counting
    shown = [max(number for number, time in enumerate(UNEVEN) if time <= 40 * frame) for frame in range(36)]
    with FrameReader.open(path, fps=25, frame_count=36) as reader:
        assert numbers(reader) == shown
        assert not reader.warning and "36 frames counted by time, of 20 pictures" in reader.counting
    with FrameReader.open(path, fps=25) as reader:
        assert numbers(reader)[:36] == shown
    with FrameReader.open(path, fps=12.5, frame_count=18) as reader:
        assert numbers(reader) == shown[::2]


def test_frames_after_the_last_picture_show_it(tmp_path):
    path = write_movie(tmp_path / "a.mkv", numbered_pictures(5), sound_seconds=0.4)
    with FrameReader.open(path, fps=25, frame_count=10) as reader:
        assert numbers(reader) == [0, 1, 2, 3, 4, 4, 4, 4, 4, 4]


def test_a_late_first_picture_is_the_first_frame(tmp_path):
    path = write_movie(tmp_path / "a.mp4", numbered_pictures(10), times=range(1000, 1400, 40))
    with FrameReader.open(path, fps=25, frame_count=10) as reader:
        assert numbers(reader) == list(range(10))


def test_rates_that_are_no_whole_numbers_do_not_drift(tmp_path):
    rate = Fraction(30000, 1001)
    path = write_movie(tmp_path / "a.mov", numbered_pictures(250), fps=rate, codec="mpeg4")
    with FrameReader.open(path, fps=float(np.float32(rate)), frame_count=250) as reader:
        assert numbers(reader) == list(range(250))


def test_pictures_after_a_restart_of_the_times_are_counted(tmp_path):
    path = joined(tmp_path)
    with FrameReader.open(path) as reader:
        assert numbers(reader) == list(range(30))
        assert [number_on(reader.read(frame)) for frame in (29, 20, 3, 16)] == [29, 20, 3, 16]
        assert not reader.warning
    with FrameReader.open(path, fps=25, frame_count=15) as reader:
        assert numbers(reader) == list(range(15))
        assert "has 30 pictures" in reader.warning and "only the first 15 are shown" in reader.warning


def test_pictures_hidden_by_an_edit_list_are_not_counted_and_not_missed(tmp_path):
    with FrameReader.open(trimmed(tmp_path)) as reader:
        assert numbers(reader) == list(range(5, 30))
        assert not reader.warning


@pytest.mark.parametrize(
    "name, codec",
    [
        ("a.mp4", "libsvtav1"),
        ("a.mkv", "libx265"),
        ("a.mpg", "mpeg2video"),
        ("a.webm", "libvpx"),
        ("a.mov", "prores_ks"),
    ],
)
def test_codecs_are_read_to_the_last_picture(tmp_path, name, codec):
    pixel_format = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
    path = write_movie(tmp_path / name, numbered_pictures(40), codec=codec, pixel_format=pixel_format)
    with FrameReader.open(path) as reader:
        assert numbers(reader) == list(range(40))
        assert not reader.warning


def test_a_codec_that_is_unknown_is_an_error_that_says_what_to_do(tmp_path):
    path = write_movie(tmp_path / "a.mp4", numbered_pictures(4))
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzz9"))
    with pytest.raises(ClipUnreadable, match=r"codec of a\.mp4 cannot be decoded") as caught:
        FrameReader.open(path)
    assert "Convert the movie" in caught.value.remedy


def test_a_file_with_sound_only_is_an_error(tmp_path):
    path = write_movie(tmp_path / "a.mkv", numbered_pictures(0), sound_seconds=1)
    with pytest.raises(ClipUnreadable, match=r"a\.mkv"):
        FrameReader.open(path)


def test_damaged_pictures_are_read_again_as_they_were_indexed_and_told(tmp_path):
    path = write_movie(tmp_path / "a.mkv", textured_pictures(30), options={"crf": "12", "g": "12"})
    data = bytearray(path.read_bytes())
    for offset in range(len(data) // 2, len(data) // 2 + 40):
        data[offset] ^= 0x55
    path.write_bytes(data)
    with FrameReader.open(path) as reader:
        assert "a.mkv is damaged" in reader.warning and "of its 30 pictures" in reader.warning
        forward = [reader.read(frame) for frame in range(30)]
        backward = [reader.read(frame) for frame in reversed(range(30))][::-1]
    assert all(np.array_equal(one, other) for one, other in zip(forward, backward))


@pytest.mark.parametrize("sound_seconds", [0, 3])
def test_a_matroska_file_that_was_cut_off_is_told(tmp_path, sound_seconds):
    path = write_movie(tmp_path / "a.mkv", textured_pictures(50), options={"g": "1"}, sound_seconds=sound_seconds)
    with FrameReader.open(path) as reader:
        assert reader.clip.frame_count == 50 and not reader.warning
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with FrameReader.open(path) as reader:
        count = reader.clip.frame_count
        assert count < 45
        assert f"cut off: it should last 2 s, but only the first {count / 25:.4g} s, {count} pictures" in reader.warning


def test_a_rate_that_gives_too_many_frames_is_an_error(tmp_path):
    path = write_movie(tmp_path / "a.mp4", numbered_pictures(3))
    for rate in (1e7, 1e308):
        with pytest.raises(BadSetting, match="at most 1048574"):
            FrameReader.open(path, fps=rate)


def test_that_a_file_has_several_video_streams_is_told(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("mpeg4", rate=25) for _ in range(2)]
        for stream in streams:
            stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for stream, pictures in zip(streams, (numbered_pictures(5), numbered_pictures(9)[4:])):
            for number, pixels in enumerate(pictures):
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame.pts = number
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    with FrameReader.open(path) as reader:
        assert numbers(reader) == list(range(5))
        assert "a.mkv has 2 video streams; the first is used" in reader.counting


def test_an_index_is_made_once_and_again_when_the_movie_changes(tmp_path, cache, monkeypatch):
    path = write_movie(tmp_path / "a.mp4", numbered_pictures(40))
    reports: list[tuple[int, int]] = []
    first = load_index(path, lambda done, total: reports.append((done, total)))
    assert reports and all(0 <= done <= total == path.stat().st_size for done, total in reports)
    reports.clear()
    second = load_index(path, lambda done, total: reports.append((done, total)))
    assert not reports and np.array_equal(first.times, second.times) and first.rate == second.rate == 25
    write_movie(path, numbered_pictures(50))
    assert load_index(path).count == 50
    for file in cache.iterdir():
        file.write_bytes(b"PK" + os.urandom(50))
    assert load_index(path).count == 50


def test_only_the_last_indexes_are_kept_and_files_of_other_names_stay(tmp_path, cache, monkeypatch):
    monkeypatch.setattr(movie_index, "_MAX_KEPT", 2)
    cache.mkdir(parents=True)
    for name in ("notes.npz", "abc.npz", "a.txt"):
        (cache / name).write_bytes(b"")
    for count in (3, 4, 5, 6):
        load_index(write_movie(tmp_path / f"{count}.mp4", numbered_pictures(count)))
    assert {"notes.npz", "abc.npz", "a.txt"} < {file.name for file in cache.iterdir()}
    assert len(list(cache.iterdir())) == 5


def test_indexing_stops_when_its_progress_raises_an_error(tmp_path, cache):
    path = write_movie(tmp_path / "a.mp4", numbered_pictures(40))

    def stop(done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        load_index(path, stop)
    assert not cache.exists() and load_index(path).count == 40
