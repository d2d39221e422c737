"""Framing: images and masks scaled and padded for the network, and masks restored exactly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.inference.framing import Framing

CPU = torch.device("cpu")


@pytest.mark.parametrize(("height", "width"), [(480, 720), (720, 480), (33, 47), (5, 3), (1, 1), (1080, 1920)])
def test_masks_come_back_at_their_size_and_place(height: int, width: int):
    framing = Framing.fit(height, width, working_height=480, stride=32)
    truth = torch.zeros(1, height, width)
    truth[:, height // 4 : max(height // 4 + 1, 3 * height // 4), : max(1, width // 2)] = 1
    inner = framing.apply_masks(truth)
    assert inner.shape[1] % 32 == inner.shape[2] % 32 == 0
    back = framing.restore(inner)
    assert back.shape == truth.shape
    assert ((back > 0.5) != (truth > 0.5)).float().mean() < 0.005


def test_small_clips_are_not_enlarged_and_come_back_bit_exact():
    framing = Framing.fit(100, 150, working_height=480, stride=32)
    truth = (torch.rand(2, 100, 150) > 0.5).float()
    assert torch.equal(framing.restore(framing.apply_masks(truth)), truth)


def test_the_shorter_side_gets_the_working_height():
    wide = Framing.fit(1080, 1920, working_height=480, stride=32)
    tall = Framing.fit(1920, 1080, working_height=480, stride=32)
    assert (wide.work_height, wide.work_width) == (480, 853)
    assert (tall.work_height, tall.work_width) == (853, 480)


@pytest.mark.parametrize(("height", "width"), [(480, 854), (720, 1280), (271, 500)])
def test_a_picture_is_scaled_smoothly_and_its_border_repeated(height: int, width: int):
    rng = np.random.default_rng(4)
    pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
    framing = Framing.fit(height, width, working_height=240, stride=32)
    image = framing.apply(pixels, CPU)
    size = (framing.work_height, framing.work_width)
    floats = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    scaled = torch.nn.functional.interpolate(floats, size=size, mode="bilinear", align_corners=False, antialias=True)
    padding = (framing.left, framing.right, framing.top, framing.bottom)
    plain = torch.nn.functional.pad(scaled, padding, mode="replicate")
    assert image.shape == plain.shape
    assert (image - plain).abs().max() < 1.01 / 255  # rounded once for each direction


def test_pixels_become_values_from_zero_to_one():
    pixels = np.full((10, 12, 3), 255, np.uint8)
    pixels[:, :, 1] = 0
    image = Framing.fit(10, 12, working_height=480, stride=32).apply(pixels, CPU)
    assert image.shape == (1, 3, 32, 32)
    assert image[0, :, 16, 16].tolist() == [1, 0, 1]
