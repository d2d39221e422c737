"""GrabCut on synthetic pictures whose objects are known."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from engine.evaluation.score import region_similarity
from engine.media.label_images import read_labels
from engine.segmentation.segmenter import NotSeparable
from engine.segmentation.segmenters import find_segmenter
from engine.shared.errors import BadSetting
from engine.shared.marks import Mark, marks_of

CHAIR = Path(__file__).parents[2] / "clips" / "chair"
SEGMENT = find_segmenter("grabcut")


def leaf(height: int, width: int) -> np.ndarray:
    """Return the mask (H, W) bool of a shape with five lobes in the middle of the picture."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    x, y = (x - width / 2) / height, (y - height / 2) / height
    return np.hypot(x, y) < 0.22 + 0.07 * np.sin(5 * np.arctan2(y, x))


def picture(mask: np.ndarray, *, inside=(200, 70, 50), outside=(60, 110, 80), grain: float = 12.0) -> np.ndarray:
    """Return a picture (H, W, 3) uint8 in which the mask has one colour and the rest another, with grain."""
    noise = np.random.default_rng(5).normal(0, grain, (*mask.shape, 1))
    return np.clip(np.where(mask[..., None], inside, outside) + noise, 0, 255).astype(np.uint8)


def grown(mask: np.ndarray, by: int) -> np.ndarray:
    size = 2 * by + 1
    return cv2.dilate(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))) > 0


def hull(mask: np.ndarray) -> np.ndarray:
    """Return the convex hull of a mask, as of a lasso drawn around it."""
    points = np.argwhere(mask)[:, ::-1].astype(np.int32)
    return cv2.fillConvexPoly(np.zeros(mask.shape, np.uint8), cv2.convexHull(points), 1) > 0


@pytest.mark.parametrize(("height", "width"), ((90, 120), (480, 720), (1500, 2000)))
def test_a_lasso_becomes_the_object(height, width):
    true = leaf(height, width)
    rough = hull(grown(true, height // 60))
    assert region_similarity(rough, true) < 0.8
    alpha = SEGMENT(picture(true), marks_of(rough))
    assert alpha.shape == (height, width) and alpha.dtype == np.uint8
    assert region_similarity(alpha >= 128, true) > (0.96 if height < 100 else 0.985)


def test_what_a_lasso_has_cut_off_narrowly_is_added():
    true = leaf(480, 720)
    rough = grown(true, 6)
    rough[:, 400:] &= ~grown(~true, 5)[:, 400:]  # on the right it runs 5 pixels inside the object
    missing = np.count_nonzero(true & ~rough)
    assert missing > 800
    found = SEGMENT(picture(true), marks_of(rough)) >= 128
    assert np.count_nonzero(true & ~found) < 0.2 * missing


def test_the_outline_is_smooth_and_soft_only_along_the_edge():
    true = leaf(480, 720)
    alpha = SEGMENT(picture(true), marks_of(grown(true, 8)))
    soft = (alpha > 0) & (alpha < 255)
    assert soft.any()
    assert not (soft & ~(grown(alpha >= 128, 4) & grown(alpha < 128, 4))).any()


def test_definite_strokes_are_kept_exactly():
    true = leaf(480, 720)
    rough = grown(true, 10)
    sure, never = np.zeros_like(true), np.zeros_like(true)
    sure[20:24, 100:500] = True  # background that the artist wants
    never[200:280, 340:350] = True  # a slit in the object
    marks = marks_of(rough, sure=sure, excluded=never)
    alpha = SEGMENT(picture(true), marks)
    assert (alpha[sure] == 255).all()
    assert (alpha[never] == 0).all()
    assert region_similarity(alpha >= 128, (true | sure) & ~never) > 0.97


def test_one_pixel_wide_strokes_are_kept_in_a_large_picture():
    true = leaf(1500, 2000)
    never = np.zeros_like(true)
    never[750, 900:1100] = True
    alpha = SEGMENT(picture(true), marks_of(grown(true, 20), excluded=never))
    assert (alpha[never] == 0).all()
    assert np.count_nonzero(true & (alpha < 128)) < 0.02 * np.count_nonzero(true)


def test_strokes_alone_find_the_object_around_them():
    true = leaf(480, 720)
    strokes = np.zeros_like(true)
    strokes[236:244, 330:390] = True
    alpha = SEGMENT(picture(true), marks_of(np.zeros_like(true), sure=strokes))
    assert (alpha[strokes] == 255).all()
    near = grown(strokes, 60)  # it looks as far as the strokes are long
    assert region_similarity(alpha >= 128, true & near) > 0.9


def test_a_look_alike_elsewhere_is_left_out():
    true = leaf(480, 720)
    twin = np.roll(true, 330, axis=1)
    found = SEGMENT(picture(true | twin), marks_of(hull(grown(true, 6)))) >= 128
    assert not (found & twin & ~grown(true, 12)).any()
    assert region_similarity(found, true) > 0.97


def test_a_dark_picture_is_as_good():
    true = leaf(480, 720)
    dark = picture(true, inside=(14, 6, 5), outside=(5, 8, 6), grain=0.8)
    assert region_similarity(SEGMENT(dark, marks_of(grown(true, 10))) >= 128, true) > 0.97


def test_an_object_at_the_border_of_the_picture_is_found():
    true = np.roll(leaf(480, 720), 330, axis=1)
    true[:, :360] = False
    assert true[:, -1].any()
    found = SEGMENT(picture(true), marks_of(grown(true, 10))) >= 128
    assert region_similarity(found, true) > 0.97


def test_the_result_is_the_same_each_time():
    true = leaf(480, 720)
    film, marks = picture(true, grain=40.0), marks_of(hull(true))
    cv2.setRNGSeed(7)
    first = SEGMENT(film, marks)
    cv2.setRNGSeed(8)
    np.testing.assert_array_equal(SEGMENT(film, marks), first)


@pytest.mark.parametrize(
    ("film", "rough", "words"),
    (
        (np.full((90, 120, 3), 127, np.uint8), leaf(90, 120), "hardly any contrast"),
        (picture(leaf(90, 120)), np.ones((90, 120), bool), "covers the picture"),
        (picture(leaf(90, 120)), np.zeros((90, 120), bool), "nothing is marked"),
        (picture(leaf(90, 120), outside=(200, 70, 50)), leaf(90, 120), "edges"),
    ),
    ids=("flat", "whole frame", "no mask", "no edge"),
)
def test_what_cannot_be_segmented_is_said(film, rough, words):
    with pytest.raises(NotSeparable, match=words):
        SEGMENT(film, marks_of(rough))


def test_a_mask_that_is_right_already_is_left_alone():
    true = leaf(480, 720)
    with pytest.raises(NotSeparable, match="better than the mask"):
        SEGMENT(picture(true), marks_of(true))


@pytest.mark.parametrize("size", ((1, 1), (1, 40), (3, 3), (40, 1)))
def test_tiny_pictures_end_in_words_or_in_a_mask(size):
    film = np.random.default_rng(1).integers(0, 255, (*size, 3), np.uint8)
    for value in Mark:
        marks = np.full(size, Mark.UNLIKELY, np.uint8)
        marks[0, 0] = value
        try:
            alpha = SEGMENT(film, marks)
        except NotSeparable:
            continue
        assert alpha.shape == size


def test_random_marks_are_respected():
    rng = np.random.default_rng(2)
    for _ in range(12):
        size = rng.integers(8, 80, 2)
        film = rng.integers(0, 255, (*size, 3), np.uint8)
        marks = rng.choice(np.array(list(Mark), np.uint8), tuple(size))
        try:
            alpha = SEGMENT(film, marks)
        except NotSeparable:
            continue
        assert (alpha[marks == Mark.OBJECT] == 255).all()
        assert (alpha[marks == Mark.NOT_OBJECT] == 0).all()


def test_an_unknown_segmenter_is_refused_with_the_known_ones():
    with pytest.raises(BadSetting, match="sam") as caught:
        find_segmenter("sam")
    assert "grabcut" in caught.value.remedy


def test_marks_of_sure_pixels_win_over_excluded_ones():
    rough, sure, excluded = (np.array([row], bool) for row in ((1, 1, 0, 0), (0, 1, 0, 0), (0, 1, 1, 0)))
    marks = marks_of(rough, sure=sure, excluded=excluded)
    assert marks.tolist() == [[Mark.LIKELY, Mark.OBJECT, Mark.NOT_OBJECT, Mark.UNLIKELY]]


# -- a real clip -------------------------------------------------------------------------------------------------------
def lasso(true: np.ndarray, seed: int) -> np.ndarray:
    """Return a polygon (H, W) bool around a mask: at most 16 corners, 5 % of its size away, and jittered by 2 %."""
    size = float(np.sqrt(np.count_nonzero(true)))
    outline = max(
        cv2.findContours(grown(true, round(0.05 * size)).view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0],
        key=len,
    )
    simplified = (cv2.approxPolyDP(outline, tolerance, True)[:, 0] for tolerance in np.arange(0.5, size, 0.5))
    corners = next(points for points in simplified if len(points) <= 16)
    jitter = np.random.default_rng(seed).normal(0, 0.02 * size, corners.shape)
    polygon = np.round(corners + jitter).astype(np.int32)
    return cv2.fillPoly(np.zeros(true.shape, np.uint8), [polygon], 1) > 0


def test_lassos_on_a_real_clip_become_better_and_none_becomes_much_worse():
    before, after = [], []
    for seed, number in enumerate(range(0, 60, 6)):
        true = read_labels(CHAIR / "masks" / f"frame_{number:06d}.png") == 1
        rough = lasso(true, seed)
        film = np.asarray(Image.open(CHAIR / "frames" / f"frame_{number:06d}.jpg"))
        found = SEGMENT(film, marks_of(rough)) >= 128
        before.append(region_similarity(rough, true))
        after.append(region_similarity(found, true))
    assert np.mean(after) > np.mean(before) + 0.08
    assert min(np.subtract(after, before)) > -0.02
