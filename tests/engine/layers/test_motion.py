"""Optical flow and warping, on images whose motion is known."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import torch

from engine.layers.motion import luma, optical_flow, warp


def texture(seed: int = 0, size: tuple[int, int] = (128, 160)) -> np.ndarray:
    """Return a random texture (H, W) uint8 in which no part is repeated."""
    noise = np.random.default_rng(seed).normal(size=size).astype(np.float32)
    soft = sum(cv2.GaussianBlur(noise, (0, 0), sigma) * sigma for sigma in (2, 5, 11))
    return cv2.normalize(soft, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def shifted(picture: np.ndarray, right: float, down: float) -> np.ndarray:
    """Return the picture shifted by `right` and `down` pixels."""
    return cv2.warpAffine(
        picture, np.float32([[1, 0, right], [0, 1, down]]), picture.shape[::-1], borderMode=cv2.BORDER_REFLECT
    )


@pytest.mark.parametrize(("right", "down"), [(3, -2), (-9, 6), (0.5, 0)])
def test_flow_points_to_the_previous_position(right: float, down: float):
    before = texture()
    found = optical_flow(torch.from_numpy(shifted(before, right, down)), torch.from_numpy(before))[:, 24:-24, 24:-24]
    assert found[0].median().item() == pytest.approx(-right, abs=0.1)
    assert found[1].median().item() == pytest.approx(-down, abs=0.1)
    assert (found - torch.tensor([-right, -down])[:, None, None]).abs().mean() < 0.3


def test_a_warped_mask_follows_the_motion():
    before = texture()
    now = shifted(before, 7, 4)
    disc = cv2.circle(np.zeros_like(before), (70, 60), 22, 1, -1).astype(np.float32)
    flow = optical_flow(torch.from_numpy(now), torch.from_numpy(before))
    warped = warp(torch.from_numpy(np.stack([disc, before / 255.0]).astype(np.float32)), flow)
    truth = torch.from_numpy(shifted(disc, 7, 4)) > 0.5
    iou = ((warped[0] > 0.5) & truth).sum() / ((warped[0] > 0.5) | truth).sum()
    assert iou > 0.95
    assert (warped[1] - torch.from_numpy(now / 255.0))[24:-24, 24:-24].abs().mean() < 0.02


def test_zero_flow_changes_nothing():
    maps = torch.rand(3, 10, 14)
    assert torch.allclose(warp(maps, torch.zeros(2, 10, 14)), maps, atol=1e-5)


def test_warping_pads_with_the_border():
    maps = torch.arange(6.0).repeat(4, 1)[None]
    right = torch.zeros(2, 4, 6)
    right[0] = -2  # everything moved two cells to the right
    assert warp(maps, right)[0, 1].tolist() == pytest.approx([0, 0, 0, 1, 2, 3], abs=1e-4)


def test_luma_is_computed_at_half_size():
    red = torch.zeros(2, 3, 32, 64)
    red[1, 0] = 1.0
    found = luma(red)
    assert found.shape == (2, 16, 32)
    assert found.dtype == torch.uint8
    assert found[0].unique().tolist() == [0]
    assert found[1].unique().tolist() == [round(0.299 * 255)]


@pytest.mark.parametrize("size", [(16, 16), (16, 400), (400, 16)])
def test_flow_of_small_and_narrow_images_is_finite(size: tuple[int, int]):
    picture = torch.from_numpy(texture(size=size))
    assert torch.isfinite(optical_flow(picture, picture)).all()


def test_flow_is_the_same_in_several_threads():
    pairs = [(texture(seed), shifted(texture(seed), seed, 1)) for seed in range(6)]

    def compute(pair: tuple[np.ndarray, np.ndarray]) -> torch.Tensor:
        return optical_flow(*(torch.from_numpy(image) for image in pair))

    expected = [compute(pair) for pair in pairs]
    with ThreadPoolExecutor(3) as pool:
        flows = list(pool.map(compute, pairs * 4))
    assert all(torch.equal(flow, expected[index % 6]) for index, flow in enumerate(flows))


def test_shades_are_as_fine_where_all_else_is_in_half_precision():
    torch.manual_seed(2)
    images = torch.rand(1, 3, 32, 32)
    with torch.autocast("cpu", torch.bfloat16):
        found = luma(images)
    assert torch.equal(found, luma(images))
