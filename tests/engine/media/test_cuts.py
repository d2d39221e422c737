"""Hard cuts are found; motion, flashes and fades are none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engine.media.looks import LookFinder
from tests import films

HEIGHT, WIDTH = 72, 128


def scene(seed: int, count: int = 8, *, speed: int = 2) -> np.ndarray:
    """Return a shot (T, H, W, 3) uint8: a blurred random picture, panned by `speed` pixels a frame."""
    random = np.random.default_rng(seed)
    wide = random.uniform(0, 255, 3) + cv2.GaussianBlur(random.normal(0, 200, (HEIGHT, 1024, 3)), (0, 0), 6) * 3
    wide = np.clip(wide, 0, 255).astype(np.uint8)
    return np.stack([wide[:, speed * frame : speed * frame + WIDTH] for frame in range(count)])


def cuts(film: np.ndarray) -> list[int]:
    finder = LookFinder()
    for picture in film:
        finder.add(picture)
    return list(finder.looks().cuts)


@pytest.mark.parametrize("seeds", [(1, 2), (3, 4), (5, 6), (7, 8)])
def test_a_cut_is_found(seeds):
    film = np.concatenate([scene(seed) for seed in seeds])
    assert cuts(film) == [8]


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


def test_in_a_film_of_single_pictures_each_is_a_shot():
    colours = (30, 0, 0), (0, 120, 0), (0, 0, 200), (200, 0, 90), (10, 140, 140), (120, 90, 0), (255, 120, 60)
    film = np.stack(
        [np.clip(scene(3 * i, 1)[0] // 4 + tone, 0, 255).astype(np.uint8) for i, tone in enumerate(colours)]
    )
    assert cuts(film) == [1, 2, 3, 4, 5, 6]


def test_film_of_noise_has_no_cuts():
    random = np.random.default_rng(0)
    film = random.integers(0, 256, (10, 6, 8, 3), dtype=np.uint8)
    assert cuts(np.stack([cv2.resize(picture, (WIDTH, HEIGHT)) for picture in film])) == []


def test_black_frames_between_shots_belong_to_the_first():
    black = np.zeros((4, HEIGHT, WIDTH, 3), np.uint8)
    assert cuts(np.concatenate([scene(1), black, scene(2)])) == [12]
    film = scene(1, 16)
    assert cuts(np.concatenate([film[:8], black, film[8:]])) == []


def test_a_frame_that_cannot_be_read_hides_no_cut():
    finder = LookFinder(100)
    for picture in [*scene(1), None, *scene(2)]:
        finder.add(picture)
    assert finder.looks().cuts == (109,)


def test_films_without_frames_or_with_one_have_no_cuts():
    assert cuts(scene(1, 1)) == [] and LookFinder().looks().cuts == ()
