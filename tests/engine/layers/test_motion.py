"""Optical flow between frames, and maps carried along with it: on pictures whose motion is known."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import torch

from engine.layers.motion import carried, flow, luma


def texture(seed: int = 0, size: tuple[int, int] = (128, 160)) -> np.ndarray:
    """(H, W) uint8 that looks different everywhere."""
    noise = np.random.default_rng(seed).normal(size=size).astype(np.float32)
    soft = sum(cv2.GaussianBlur(noise, (0, 0), reach) * reach for reach in (2, 5, 11))
    return cv2.normalize(soft, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def shifted(picture: np.ndarray, right: float, down: float) -> np.ndarray:
    """The picture moved by that many pixels."""
    return cv2.warpAffine(
        picture, np.float32([[1, 0, right], [0, 1, down]]), picture.shape[::-1], borderMode=cv2.BORDER_REFLECT
    )


@pytest.mark.parametrize(("right", "down"), [(3, -2), (-9, 6), (0.5, 0)])
def test_flow_tells_where_each_place_was(right: float, down: float):
    before = texture()
    found = flow(torch.from_numpy(shifted(before, right, down)), torch.from_numpy(before))[:, 24:-24, 24:-24]
    assert found[0].median().item() == pytest.approx(-right, abs=0.1)
    assert found[1].median().item() == pytest.approx(-down, abs=0.1)
    assert (found - torch.tensor([-right, -down])[:, None, None]).abs().mean() < 0.3


def test_what_is_carried_comes_out_where_it_went():
    before = texture()
    now = shifted(before, 7, 4)
    disc = cv2.circle(np.zeros_like(before), (70, 60), 22, 1, -1).astype(np.float32)
    where = flow(torch.from_numpy(now), torch.from_numpy(before))
    carry = carried(torch.from_numpy(np.stack([disc, before / 255.0]).astype(np.float32)), where)
    truth = torch.from_numpy(shifted(disc, 7, 4)) > 0.5
    overlap = ((carry[0] > 0.5) & truth).sum() / ((carry[0] > 0.5) | truth).sum()
    assert overlap > 0.95
    assert (carry[1] - torch.from_numpy(now / 255.0))[24:-24, 24:-24].abs().mean() < 0.02


def test_nothing_moves_where_there_is_no_flow():
    maps = torch.rand(3, 10, 14)
    assert torch.allclose(carried(maps, torch.zeros(2, 10, 14)), maps, atol=1e-5)


def test_what_comes_from_outside_is_what_lies_at_the_border():
    maps = torch.arange(6.0).repeat(4, 1)[None]
    right = torch.zeros(2, 4, 6)
    right[0] = -2  # all went two cells right
    assert carried(maps, right)[0, 1].tolist() == pytest.approx([0, 0, 0, 1, 2, 3], abs=1e-4)


def test_shades_are_luma_at_half_size():
    red = torch.zeros(2, 3, 32, 64)
    red[1, 0] = 1.0
    found = luma(red)
    assert found.shape == (2, 16, 32)
    assert found.dtype == torch.uint8
    assert found[0].unique().tolist() == [0]
    assert found[1].unique().tolist() == [round(0.299 * 255)]


@pytest.mark.parametrize("size", [(16, 16), (16, 400), (400, 16)])
def test_small_and_narrow_pictures_have_flow_too(size: tuple[int, int]):
    picture = torch.from_numpy(texture(size=size))
    assert torch.isfinite(flow(picture, picture)).all()


def test_threads_do_not_disturb_each_other():
    pairs = [(texture(seed), shifted(texture(seed), seed, 1)) for seed in range(6)]

    def find(pair: tuple[np.ndarray, np.ndarray]) -> torch.Tensor:
        return flow(*(torch.from_numpy(one) for one in pair))

    alone = [find(pair) for pair in pairs]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(find, pairs * 4))
    assert all(torch.equal(one, alone[at % 6]) for at, one in enumerate(together))


def test_shades_are_as_fine_where_all_else_is_in_half_precision():
    torch.manual_seed(2)
    images = torch.rand(1, 3, 32, 32)
    with torch.autocast("cpu", torch.bfloat16):
        found = luma(images)
    assert torch.equal(found, luma(images))
