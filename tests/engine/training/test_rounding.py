"""Rounded weights are integer multiples of a step, with less error than rounding to nearest."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from engine.layers import quantised
from engine.layers.convolution import Conv
from engine.layers.quantised import max_code
from engine.methods.registry import find_recipe
from engine.networks.keymatte import Keymatte
from engine.training.rounding import round_weights

pytestmark = pytest.mark.skipif(not quantised.AVAILABLE, reason="this PyTorch has no 8-bit convolutions on the CPU")


def pictures(seed: int, count: int) -> list[torch.Tensor]:
    """Draw `count` pictures (1, 3, 128, 128) of random noise at two scales."""
    rng, images = np.random.default_rng(seed), []
    for _ in range(count):
        coarse, fine = (cv2.resize(rng.uniform(0, 1, (n, n, 3)).astype(np.float32), (128, 128)) for n in (6, 40))
        images.append(torch.from_numpy(0.6 * coarse + 0.4 * fine).permute(2, 0, 1)[None])
    return images


def keys(network: Keymatte, images: list[torch.Tensor]) -> torch.Tensor:
    with torch.no_grad():
        return torch.cat([network.encode(image).query["key"] for image in images], 1)


def relative_error(found: torch.Tensor, truth: torch.Tensor) -> float:
    """Return the relative error of keys; constant offsets are ignored, as similarities do not depend on them."""
    error = found - truth
    return float((error - error.mean(1, keepdim=True)).norm() / (truth - truth.mean(1, keepdim=True)).norm())


def test_rounded_weights_are_multiples_of_a_step_and_keys_closer_than_with_rounding_to_nearest():
    recipe = find_recipe("keymatte")
    network = recipe.network(recipe.numbers({}), weights=None, device=torch.device("cpu"))
    torch.manual_seed(0)
    for layer in network.modules():  # so far from the shipped, already rounded weights that others are nearest
        if isinstance(layer, Conv):
            layer.weight += 0.04 * layer.weight.std() * torch.randn_like(layer.weight)
    calibration, images = pictures(1, 8), pictures(2, 4)
    truth = keys(network, images)
    nearest, rounded = Keymatte(), Keymatte()
    for copy in (nearest, rounded):
        copy.load_state_dict(network.state_dict())
        copy.eval().requires_grad_(False)
    assert round_weights(rounded, calibration) > 40
    nearest.quantise()
    in_floats = relative_error(keys(rounded, images), truth)
    rounded.quantise()
    for name, layer in rounded.named_modules():
        if isinstance(layer, Conv) and layer.quantised and not name.startswith(("decoder", "values")):
            step = layer.weight.abs().amax((1, 2, 3), keepdim=True) / max_code(layer.weight, layer.groups)
            codes = layer.weight / step.clamp_min(1e-12)
            assert (codes - codes.round()).abs().max() < 1e-3, name
    assert (
        0
        < in_floats
        < relative_error(keys(rounded, images), truth)
        < 0.7 * relative_error(keys(nearest, images), truth)
    )
