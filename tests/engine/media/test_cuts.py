"""Hard cuts are found; motion, flashes and fades are none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engine.media.cuts import CutFinder
from tests import films

HEIGHT, WIDTH = 72, 128


def scene(seed: int, count: int = 8, *, speed: int = 2) -> np.ndarray:
    """Return a shot (T, H, W, 3) uint8: a blurred random picture, panned by `speed` pixels a frame."""
    random = np.random.default_rng(seed)
    wide = random.uniform(0, 255, 3) + cv2.GaussianBlur(random.normal(0, 200, (HEIGHT, 1024, 3)), (0, 0), 6) * 3
    wide = np.clip(wide, 0, 255).astype(np.uint8)
    return np.stack([wide[:, speed * frame : speed * frame + WIDTH] for frame in range(count)])


def cuts(film: np.ndarray, order: list[int] | None = None) -> list[int]:
    finder = CutFinder()
    for frame in order or range(len(film)):
        finder.add(frame, film[frame])
    return finder.cuts()


@pytest.mark.parametrize("seeds", [(1, 2), (3, 4), (5, 6), (7, 8)])
def test_a_cut_is_found_in_any_order_of_reading(seeds):
    film = np.concatenate([scene(seed) for seed in seeds])
    assert cuts(film) == [8]
    assert cuts(film, [*range(15, -1, -1), *range(16)]) == [8]


def test_several_cuts_are_found():
    assert cuts(np.concatenate([scene(seed, 5) for seed in (1, 4, 6)])) == [5, 10]


@pytest.mark.parametrize("speed", [0, 3, 12])
def test_a_pan_is_no_cut(speed):
    assert cuts(scene(3, 20, speed=speed)) == []


def test_a_flash_and_a_fade_are_no_cuts():
    film = scene(2, 16)
    flash = film.copy()
    flash[7] = 255 - (255 - flash[7]) // 8
    assert cuts(flash) == []
    fade = np.stack([picture * max(0.0, 1 - frame / 12) for frame, picture in enumerate(film)]).astype(np.uint8)
    assert cuts(fade) == []


def test_objects_that_move_and_enter_are_no_cuts():
    for film in (films.crossing(16), films.moving_disc(16)):
        assert cuts(film.frames) == []


def test_without_consecutive_frames_nothing_is_found():
    assert cuts(scene(1), [0, 2, 4, 6]) == [] and CutFinder().cuts() == []
