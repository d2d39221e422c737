"""Crops lie within the picture, go back exactly, follow objects smoothly, and share pixels with what is around."""

from __future__ import annotations

import time

import numpy as np
import pytest

from engine.inference.crop_merging import CropResult, merge_crops
from engine.inference.crop_track import CropTrack
from engine.inference.crops import CANVAS, Crop, box_of, crop_side, gain_of, worth_of

PICTURE = (900, 1600)


def blob(x: float, y: float, radius: float, size: tuple[int, int] = PICTURE) -> np.ndarray:
    """Return a soft disc (H, W) 0..1."""
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]]
    return np.clip(radius + 0.5 - np.hypot(columns - x, rows - y), 0, 1).astype(np.float32)


def planes(*objects: np.ndarray) -> np.ndarray:
    """Return probabilities (1 + O, H, W) of objects that do not overlap, background first."""
    return np.stack([1 - sum(objects), *objects]).astype(np.float32)


def test_a_crop_of_the_canvas_size_is_shown_and_pasted_to_the_bit():
    random = np.random.default_rng(0)
    frame = random.integers(0, 256, (*PICTURE, 3), np.uint8)
    crop = Crop(701, 133, CANVAS)
    assert np.array_equal(crop.shown(frame), frame[133 : 133 + CANVAS, 701 : 701 + CANVAS])
    alpha = np.zeros((1, CANVAS, CANVAS), np.float32)
    alpha[0, 100:200, 90:250] = random.random((100, 160), np.float32)
    merged = merge_crops((7,), planes(np.zeros(PICTURE, np.float32)), [CropResult((7,), alpha, crop, 1.0, False)])
    assert np.array_equal(merged[1, 233:333, 791:951], alpha[0, 100:200, 90:250])
    assert merged[1].sum() == pytest.approx(alpha.sum())


@pytest.mark.parametrize("side", [CANVAS // 3, CANVAS, 3 * CANVAS // 2])
def test_a_mask_goes_to_the_canvas_and_back_to_its_place(side):
    crop = Crop(300, 200, side)
    mask = blob(300 + side / 2 + 3, 200 + side / 2 - 4, side / 6) >= 0.5
    back = crop.restored((crop.shown(mask.astype(np.uint8) * np.uint8(255)) / np.float32(255))[None])[0] >= 0.5
    assert (back ^ mask[crop.part]).sum() <= 0.02 * mask.sum()


@pytest.mark.parametrize(
    ("x", "y", "side"), [(0, 0, 384), (1599, 899, 384), (800, 450, 5000), (-50, 2000, 1), (5, 5, 0)]
)
def test_crops_lie_within_the_picture(x, y, side):
    crop = Crop.around(x, y, side, PICTURE)
    assert crop.left >= 0 and crop.top >= 0 and crop.side >= 1
    assert crop.left + crop.side <= PICTURE[1] and crop.top + crop.side <= PICTURE[0]


def test_a_clip_smaller_than_the_canvas_gains_nothing():
    assert Crop.around(20, 20, crop_side((0, 0, 8, 8)), (60, 90)).side == 60
    assert gain_of(60, 1.0) == 1 and worth_of(60, 1.0) == 0
    assert worth_of(CANVAS, 480 / 2160) == 1


def test_what_an_object_gives_up_goes_to_what_shares_the_pixel_and_nothing_else_changes():
    around = np.full(PICTURE, 0.9, np.float32)
    small = blob(700, 400, 20) * 0.6
    whole = planes(around * (1 - small), small)
    crop = Crop(500, 200, CANVAS)
    moved = blob(706, 400, 15)[crop.part]
    merged = merge_crops((1, 2), whole, [CropResult((2,), moved[None], crop, 1.0, False)])
    assert np.abs(merged.sum(0) - 1).max() < 1e-5 and merged.min() >= 0
    assert np.array_equal(merged[2][crop.part], moved)
    assert merged[1][400, 685] > 0.85, "what the object has left is its surroundings"
    assert merged[1][400, 706] < 0.01
    same = merged[2] == whole[2]
    assert all(np.array_equal(one[same], before[same]) for one, before in zip(merged, whole))


def test_two_objects_that_want_the_same_pixels_share_them():
    size = np.zeros(PICTURE, np.float32)
    crops = Crop(500, 200, CANVAS), Crop(560, 230, CANVAS)
    results = [
        CropResult((number,), blob(700, 400, 30)[crop.part][None], crop, 1.0, False)
        for number, crop in enumerate(crops, 1)
    ]
    merged = merge_crops((1, 2), planes(size, size), results)
    assert merged[1:].sum(0).max() <= 1 + 1e-6
    assert merged[1][400, 700] == merged[2][400, 700] == pytest.approx(0.5)


def test_a_crop_that_is_not_trusted_or_finds_the_same_changes_no_bit():
    whole = planes(blob(700, 400, 20))
    crop = Crop(500, 200, CANVAS)
    nothing = np.zeros((1, CANVAS, CANVAS), np.float32)
    assert merge_crops((1,), whole, [CropResult((1,), nothing, crop, 0.0, False)]) is whole
    assert merge_crops((1,), whole, [CropResult((1,), whole[1][crop.part][None], crop, 1.0, False)]) is whole


def test_an_object_that_the_crop_cuts_goes_on_outside():
    whole = planes(blob(700, 400, 250))
    crop = Crop(500, 200, CANVAS)
    shown = np.ones((1, CANVAS, CANVAS), np.float32)
    merged = merge_crops((1,), whole, [CropResult((1,), shown, crop, 1.0, True)])
    assert (merged[1] >= 0.5).sum() >= (whole[1] >= 0.5).sum()
    assert np.array_equal(merged[1, :, :490], whole[1, :, :490])


# -- tracks ------------------------------------------------------------------------------------------------------------
def follow(path: list[tuple[float, float, float]], *, is_seen_whole: bool = True) -> list[tuple[CropTrack, Crop]]:
    """Follow a disc along its path (x, y, radius); return the track and the crop of each frame after the first."""
    masks = [blob(*place) for place in path]
    box = box_of(masks[0] >= 0.5)
    assert box is not None
    track, found = CropTrack.from_keyframe(box, float(masks[0].sum())), []
    nothing = np.zeros(PICTURE, np.float32)
    for mask in masks[1:]:
        track = track.aimed([mask if is_seen_whole else nothing], PICTURE)
        crop = track.crop(PICTURE)
        track = track.learned([mask[crop.part]], crop, elsewhere=bool(is_seen_whole and (mask >= 0.5).any()))
        found.append((track, crop))
    return found


def lies_in(place: tuple[float, float, float], crop: Crop) -> bool:
    x, y, radius = place
    return (
        crop.left <= x - radius
        and x + radius <= crop.left + crop.side
        and crop.top <= y - radius
        and y + radius <= crop.top + crop.side
    )


@pytest.mark.parametrize("is_seen_whole", [True, False], ids=["seen in the whole frame", "lost in the whole frame"])
def test_an_object_is_never_cut_and_the_crop_moves_smoothly(is_seen_whole):
    random = np.random.default_rng(4)
    path = [(300 + 14 * t + random.normal(0, 2), 450 + 40 * np.sin(t / 5), 20 + t / 6) for t in range(60)]
    found = follow(path, is_seen_whole=is_seen_whole)
    assert all(lies_in(place, crop) for place, (_, crop) in zip(path[1:], found))
    centres = np.array([(crop.left + crop.side / 2, crop.top + crop.side / 2) for _, crop in found])
    shaking = np.abs(np.diff(centres, n=2, axis=0))[10:].mean()
    assert shaking < 0.6 * np.abs(np.diff(np.array(path)[:, :2], n=2, axis=0))[10:].mean()
    assert {track.trust for track, _ in found} == {1.0}


def test_an_object_that_grows_gets_a_larger_crop_and_in_the_end_the_whole_frame_without_a_jump():
    path = [(800.0, 450.0, 20 * 1.06**t) for t in range(55)]
    found = follow(path)
    assert all(lies_in(place, crop) for place, (_, crop) in zip(path[1:], found) if place[2] < 400)
    counts = [track.trust * worth_of(crop.side, 480 / 900) for track, crop in found]
    assert counts[0] > 0.9 and counts[-1] == 0
    assert max(before - after for before, after in zip(counts, counts[1:])) < 0.35


def test_a_lost_object_is_found_wherever_the_whole_frame_shows_it_without_a_jump_of_trust():
    away = [(300.0, 300.0, 20.0)] * 3 + [(-500.0, 300.0, 20.0)] * 4 + [(1300.0, 700.0, 20.0)] * 8
    found = follow(away)
    assert not lies_in(away[7], found[5][1])
    assert all(lies_in(place, crop) for place, (_, crop) in zip(away[8:], found[7:]))
    trusts = [track.trust for track, _ in found]
    assert trusts[-1] == 1 and max(abs(one - two) for one, two in zip(trusts, trusts[1:])) <= 0.25


def test_thousands_of_frames_take_no_more_memory_and_stay_finite():
    track = CropTrack.from_keyframe((10, 10, 12, 12), 4.0)
    nothing = np.zeros((64, 64), np.float32)
    for _ in range(5000):
        track = track.aimed([nothing], (64, 64))
        track = track.learned([nothing], track.crop((64, 64)), elsewhere=False)
    assert np.isfinite([track.x, track.y, track.side, *track.box]).all()
    assert lies_in((11, 11, 1), track.crop((64, 64)))


def test_an_8k_frame_is_merged_in_the_memory_of_one_more_copy():
    """Takes 1 GB; what is changed is only the part around the object."""
    size = (4320, 7680)
    whole = np.zeros((2, *size), np.float32)
    whole[0] = 1
    whole[1, 2000:2100, 3000:3100], whole[0, 2000:2100, 3000:3100] = 1, 0
    crop = Crop(2860, 1860, CANVAS)
    shown = np.zeros((1, CANVAS, CANVAS), np.float32)
    shown[0, 150:250, 150:250] = 1
    began = time.process_time()
    merged = merge_crops((1,), whole, [CropResult((1,), shown, crop, 1.0, False)])
    assert time.process_time() - began < 3
    assert merged[1].sum() == 100**2 and np.array_equal(merged.sum(0)[1860:2244, 2860:3244], np.ones((384, 384)))
