"""Outlines keep their shape, slot and points from frame to frame."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import pytest

from engine.media.label_images import read_labels
from engine.output.contours import MIN_AGREEMENT, write_outlines
from engine.output.raster import fill, signed_area
from engine.shared.errors import OutlinesUnreadable
from engine.shared.outlines import Outlines
from tests.films import crossing, moving_disc

CHAIR = Path(__file__).parents[2] / "clips" / "chair" / "masks"


def iou(made: np.ndarray, true: np.ndarray) -> float:
    union = np.count_nonzero(made | true)
    return np.count_nonzero(made & true) / union if union else 1.0


def filled(found: Outlines, index: int, shape: tuple[int, int]) -> np.ndarray:
    return fill(found.polygons(index), shape[1], shape[0]) > 0


def present(found: Outlines) -> np.ndarray:
    """Return (F, S) bool: whether slot S has an outline on frame F."""
    return np.isfinite(found.points[:, :, 0, 0])


def disc(x: float, y: float, radius: float, shape: tuple[int, int] = (80, 120)) -> np.ndarray:
    down, across = np.mgrid[: shape[0], : shape[1]] + 0.5
    return np.clip(radius - np.hypot(across - x, down - y) + 0.5, 0, 1).astype(np.float32)


def outlines(mattes: Iterable[tuple[int, np.ndarray]]) -> Outlines:
    """Return the outlines of (frame, matte) pairs after writing them to a file and reading it."""
    frames = list(mattes)
    with TemporaryDirectory() as folder:
        path = Path(folder, "001.npz")
        write_outlines(path, lambda: frames)
        return Outlines.load(path)


def outlines_of(*mattes: np.ndarray) -> Outlines:
    return outlines(enumerate(mattes))


def test_filled_outlines_agree_with_the_matte_on_every_frame():
    film = crossing()
    found = outlines((frame, film.mask(frame, 1).astype(np.float32)) for frame in range(16))
    assert found.frames.tolist() == list(range(16))
    for index in range(16):
        agreement = iou(filled(found, index, (96, 128)), film.mask(index, 1))
        assert agreement >= MIN_AGREEMENT
        assert found.agreement[index] == pytest.approx(agreement, abs=1e-6)


def test_soft_mattes_are_outlined_at_a_half_between_the_pixels():
    found = outlines_of(disc(60.25, 40.5, 20.3))
    radii = np.hypot(*(found.points[0, 0] - (60.25, 40.5)).T)
    assert np.abs(radii - 20.3).max() < 0.3
    assert signed_area(found.points[0, 0]) == pytest.approx(np.pi * 20.3**2, rel=0.003)
    assert np.abs(found.points[0, 0].mean(axis=0) - (60.25, 40.5)).max() < 0.1


def test_simple_shapes_need_few_points_and_ragged_ones_many():
    assert outlines_of(disc(60, 40, 20)).points.shape[2] == 32
    ragged = cv2.GaussianBlur(np.random.default_rng(0).random((80, 120)), (0, 0), 2) > 0.5
    ragged &= disc(60, 40, 36) > 0.5
    found = outlines_of(ragged.astype(np.float32))
    assert found.points.shape[2] in (64, 128, 256, 512)
    assert found.agreement[0] >= MIN_AGREEMENT


def test_parts_two_pixels_wide_are_kept():
    matte = np.zeros((80, 120), np.float32)
    matte[10:30, 20:100] = 1
    for x in range(22, 100, 15):
        cv2.line(matte, (x, 30), (x + 10, 75), 1, 2)
    found = outlines_of(matte)
    made = filled(found, 0, (80, 120))
    assert iou(made, matte > 0) >= MIN_AGREEMENT
    assert (made[35:72].any(axis=1)).all()


def test_holes_and_islands_have_slots_and_directions_of_their_own():
    ring = disc(60, 40, 35) - disc(60, 40, 22) + disc(60, 40, 9)
    found = outlines_of(ring, ring)
    assert sorted(found.holes.tolist()) == [False, False, True]
    for slot, hole in enumerate(found.holes):
        for index in range(2):
            assert (signed_area(found.points[index, slot]) < 0) == hole
    assert iou(filled(found, 0, (80, 120)), ring > 0.5) >= MIN_AGREEMENT


def test_slots_follow_outlines_that_pass_each_other():
    frames = [np.maximum(disc(20 + 8 * t, 20, 10), disc(100 - 8 * t, 60, 13)) for t in range(11)]
    found = outlines_of(*frames)
    assert found.points.shape[1] == 2
    ways = found.points.mean(axis=2)  # (F, S, 2)
    upper = int(ways[0, 0, 1] > 40)
    assert np.abs(ways[:, upper, 1] - 20).max() < 1
    assert np.abs(ways[:, 1 - upper, 1] - 60).max() < 1


def test_small_fast_outline_keeps_its_slot():
    found = outlines_of(*(disc(20 + 11 * t, 40, 5) for t in range(8)))
    assert found.points.shape[1] == 1


def test_outline_that_reappears_reuses_its_slot():
    big = disc(40, 40, 20)
    both = np.maximum(big, disc(90, 40, 12))
    found = outlines_of(both, both, big, big, both)
    assert present(found).sum(axis=1).tolist() == [2, 2, 1, 1, 2]
    assert found.points.shape[1] == 2


def test_an_outline_elsewhere_does_not_take_the_slot_of_one_that_has_just_gone():
    big = disc(60, 40, 20)
    found = outlines_of(np.maximum(big, disc(15, 15, 8)), np.maximum(big, disc(105, 65, 8)))
    small = [slot for slot in range(found.points.shape[1]) if present(found)[:, slot].sum() == 1]
    assert len(small) == 2


def test_an_outline_elsewhere_takes_a_slot_that_was_free_for_a_frame():
    big = disc(60, 40, 20)
    found = outlines_of(np.maximum(big, disc(15, 15, 8)), big, np.maximum(big, disc(105, 65, 8)))
    assert found.points.shape[1] == 2


def test_halfway_between_two_frames_the_outline_is_halfway():
    film = moving_disc(9)
    found = outlines((frame, film.mask(frame, 1).astype(np.float32)) for frame in range(0, 9, 2))
    for index in range(4):
        between = (found.points[index] + found.points[index + 1]) / 2
        assert iou(fill(between, 128, 96) > 0, film.mask(2 * index + 1, 1)) > 0.95


def test_points_do_not_spin_while_a_shape_stands_still():
    found = outlines_of(*(disc(60, 40, 20),) * 4)
    assert np.abs(np.diff(found.points, axis=0)).max() < 1e-3


def test_specks_are_dropped_unless_the_agreement_would_suffer():
    big = disc(60, 40, 30)
    speckled = big.copy()
    speckled[5, 5] = speckled[70, 110] = 1
    assert outlines_of(speckled).points.shape[1] == 1
    tiny = np.zeros((80, 120), np.float32)
    tiny[5, 5] = tiny[70, 110] = 1
    found = outlines_of(tiny)
    assert found.points.shape[1] == 2
    assert iou(filled(found, 0, (80, 120)), tiny > 0) == 1


def test_tiny_hole_with_an_island_is_filled_completely():
    matte = disc(60, 40, 38)
    matte[38:41, 58:61] = 0
    matte[39, 59] = 1
    found = outlines_of(matte)
    assert found.points.shape[1] == 1
    assert filled(found, 0, (80, 120))[36:43, 56:63].all()


def test_empty_mattes_have_no_outlines():
    nothing = np.zeros((80, 120), np.float32)
    found = outlines_of(nothing, nothing)
    assert found.points.shape[:2] == (2, 0)
    assert found.polygons(0) == []
    assert found.agreement.tolist() == [1, 1]
    found = outlines_of(nothing, disc(60, 40, 20), nothing)
    assert present(found)[:, 0].tolist() == [False, True, False]
    assert outlines(iter(())).frames.shape == (0,)


def test_memory_does_not_grow_with_the_number_of_frames(tmp_path):
    ragged = cv2.GaussianBlur(np.random.default_rng(0).random((80, 120)), (0, 0), 2).astype(np.float32)
    ragged = np.clip((ragged - 0.5) * 40 + 0.5, 0, 1)

    def peak(frames: int) -> int:
        tracemalloc.start()
        try:
            write_outlines(tmp_path / "a.npz", lambda: ((frame, ragged.copy()) for frame in range(frames)))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    short, long = peak(5), peak(60)
    assert Outlines.load(tmp_path / "a.npz").points.nbytes > 2e6
    assert long - short < 60 * 2_000  # bytes: nothing like a frame's 50 kB of outlines


def test_frames_must_ascend():
    with pytest.raises(ValueError, match="frame 3 comes after frame 3"):
        outlines([(3, disc(60, 40, 9)), (3, disc(60, 40, 9))])


# -- file -------------------------------------------------------------------------------------------------------------
def test_outlines_come_back_from_their_file_by_numpy_alone(tmp_path):
    mattes = [(7, disc(60, 40, 20)), (9, disc(60, 40, 20) - disc(60, 40, 9))]
    write_outlines(tmp_path / "outlines" / "001.npz", lambda: mattes)
    assert [file.name for file in (tmp_path / "outlines").iterdir()] == ["001.npz"]
    with np.load(tmp_path / "outlines" / "001.npz", allow_pickle=False) as arrays:
        assert arrays["frames"].tolist() == [7, 9]
        assert arrays["points"].dtype == np.float32


@pytest.mark.parametrize("content", [None, b"", b"no zip", b"PK\x03\x04 broken"])
def test_a_damaged_or_missing_file_is_an_error(tmp_path, content):
    if content is not None:
        (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(OutlinesUnreadable, match=r"a\.npz"):
        Outlines.load(tmp_path / "a.npz")


def test_half_a_file_is_an_error(tmp_path):
    write_outlines(tmp_path / "a.npz", lambda: [(0, disc(60, 40, 20))])
    data = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(data[: len(data) // 2])
    with pytest.raises(OutlinesUnreadable):
        Outlines.load(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("name", "shape"),
    [("points", (2, 1, 8, 3)), ("points", (8, 2)), ("holes", (2,)), ("frames", ()), ("agreement", (1,))],
)
def test_arrays_that_do_not_fit_together_are_an_error(tmp_path, name, shape):
    shapes = {"frames": (2,), "points": (2, 1, 8, 2), "holes": (1,), "agreement": (2,)}
    np.savez(tmp_path / "a.npz", **{key: np.zeros(size, np.float32) for key, size in shapes.items()})
    Outlines.load(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", **{key: np.zeros(size, np.float32) for key, size in {**shapes, name: shape}.items()})
    with pytest.raises(OutlinesUnreadable, match="does not fit its other arrays"):
        Outlines.load(tmp_path / "a.npz")


# -- the real clip ----------------------------------------------------------------------------------------------------
def test_the_chair_and_its_thin_legs_are_outlined_on_all_frames():
    masks = [read_labels(path) == 1 for path in sorted(CHAIR.glob("*.png"))]
    assert len(masks) == 60
    begun = time.perf_counter()
    found = outlines((frame, mask.astype(np.float32)) for frame, mask in enumerate(masks))
    seconds = time.perf_counter() - begun
    agreement = [iou(filled(found, index, mask.shape), mask) for index, mask in enumerate(masks)]
    print(f"P={found.points.shape[2]} S={found.points.shape[1]} IoU >= {min(agreement):.4f}, {seconds:.1f} s")
    assert min(agreement) >= MIN_AGREEMENT
    assert found.points.shape[2] <= 256
    assert found.points.shape[1] <= 10
