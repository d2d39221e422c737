"""Repeated frames are found in films that were encoded again, and nothing that moves is ever taken for a repeat."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.media.frames import FrameReader
from engine.media.looks import LookFinder
from tests.movie_files import write_movie

CHAIR = Path(__file__).parents[2] / "clips" / "chair" / "frames"
HEIGHT, WIDTH, COUNT = 144, 256, 12
SMALL = [(5, -15, 1.0), (6, -25, 1.0), (3, -40, 1.0), (8, 25, 2.0)]  # radius, contrast in levels, pixels per frame


def ground() -> np.ndarray:
    """Return a picture (H, W, 3) float32 with texture of several scales, flat in its lower right."""
    random = np.random.default_rng(7)
    picture = np.full((HEIGHT, WIDTH, 3), 120, np.float32)
    for side in (3, 9, 40):
        noise = random.normal(0, 12, (HEIGHT // side + 2, WIDTH // side + 2, 1)).astype(np.float32)
        picture += cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)[..., None]
    picture[HEIGHT // 2 :, WIDTH // 2 :] = 120
    return picture


def film(large_times: int, small: tuple[int, int, float] | None) -> np.ndarray:
    """Return a film: a large disc that moves every few frames, and a small one that moves on each, if there is one."""
    frames = []
    for frame in range(COUNT):
        picture = disc(ground(), 50 + 9 * (frame // large_times), 45, 24, 70)
        if small:
            radius, contrast, step = small
            for y in (70, 110):
                picture = disc(picture, WIDTH / 2 + 20 + step * frame, y, radius, contrast)
        frames.append(np.clip(picture, 0, 255).astype(np.uint8))
    return np.stack(frames)


def disc(picture: np.ndarray, x: float, y: float, radius: int, contrast: int) -> np.ndarray:
    mask = np.zeros(picture.shape[:2], np.float32)
    cv2.circle(mask, (round(16 * x), round(16 * y)), 16 * radius, 1, -1, cv2.LINE_AA, 4)
    return picture + contrast * mask[..., None]


def encoded(frames: np.ndarray, how: str, folder: Path) -> np.ndarray:
    """Return the frames as they are after encoding them as JPEG, or with x264 at a constant rate factor."""
    if how == "jpeg":
        files = [cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1] for frame in frames]
        return np.stack([np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR))[..., ::-1] for file in files])
    movie = write_movie(folder / "film.mp4", frames, options={"crf": how, "threads": "1"})
    with FrameReader.open(movie) as reader:
        return np.stack([reader.read(frame) for frame in range(len(frames))])


def repeats(frames: np.ndarray) -> list[int]:
    finder = LookFinder()
    for frame in frames:
        finder.add(np.ascontiguousarray(frame))
    return np.flatnonzero(finder.looks().repeats).tolist()


@pytest.mark.parametrize("how", ["18", "23", "jpeg"])
@pytest.mark.parametrize("small", SMALL)
@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_small_object_that_moves_is_never_held(tmp_path, times, small, how):
    assert repeats(encoded(film(times, small), how, tmp_path)) == []


@pytest.mark.parametrize("times", [2, 3])
@pytest.mark.parametrize(("how", "share"), [("jpeg", 1.0), ("18", 0.8), ("23", 0.5)])
def test_most_repeats_are_found(tmp_path, times, how, share):
    expected = [frame for frame in range(COUNT) if frame % times]
    found = repeats(encoded(film(times, None), how, tmp_path))
    assert set(found) <= set(expected) and len(found) >= share * len(expected)


def test_a_clip_that_was_slowed_down_repeats_every_sixth_frame():
    with FrameReader.open(CHAIR) as reader:
        found = repeats(np.stack([reader.read(frame) for frame in range(24)]))
    assert found and {after - before for before, after in zip(found, found[1:])} == {6}
