"""Rounded weights are whole multiples of a step, and what is computed with them is nearer to the truth."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from engine.layers import quantised
from engine.layers.convolution import Conv
from engine.layers.quantised import top_of
from engine.methods.registry import find_recipe
from engine.networks.keymatte import Keymatte
from engine.training.rounding import round_weights

pytestmark = pytest.mark.skipif(not quantised.ABLE, reason="this PyTorch has no whole numbers on the processor")


def pictures(seed: int, count: int) -> list[torch.Tensor]:
    """Mottled at two scales."""
    rng, made = np.random.default_rng(seed), []
    for _ in range(count):
        coarse, fine = (cv2.resize(rng.uniform(0, 1, (n, n, 3)).astype(np.float32), (128, 128)) for n in (6, 40))
        made.append(torch.from_numpy(0.6 * coarse + 0.4 * fine).permute(2, 0, 1)[None])
    return made


def keys(network: Keymatte, images: list[torch.Tensor]) -> torch.Tensor:
    with torch.no_grad():
        return torch.cat([network.encode(image).query["key"] for image in images], 1)


def off(found: torch.Tensor, truth: torch.Tensor) -> float:
    """How far keys are off, but for what is the same everywhere, which likeness does not see."""
    wrong = found - truth
    return float((wrong - wrong.mean(1, keepdim=True)).norm() / (truth - truth.mean(1, keepdim=True)).norm())


def test_rounded_weights_are_whole_multiples_and_keys_nearer_than_by_the_nearest():
    recipe = find_recipe("keymatte")
    network = recipe.network(recipe.numbers({}), weights=None, device=torch.device("cpu"))
    torch.manual_seed(0)
    for layer in network.modules():  # so far off the whole numbers of the shipped ones that the nearest are others
        if isinstance(layer, Conv):
            layer.weight += 0.04 * layer.weight.std() * torch.randn_like(layer.weight)
    shown, others = pictures(1, 8), pictures(2, 4)
    truth = keys(network, others)
    nearest, rounded = Keymatte(), Keymatte()
    for other in (nearest, rounded):
        other.load_state_dict(network.state_dict())
        other.eval().requires_grad_(False)
    assert round_weights(rounded, shown) > 40
    nearest.quantise()
    in_floats = off(keys(rounded, others), truth)
    rounded.quantise()
    for name, layer in rounded.named_modules():
        if isinstance(layer, Conv) and layer.quantised and not name.startswith(("decoder", "values")):
            step = layer.weight.abs().amax((1, 2, 3), keepdim=True) / top_of(layer.weight, layer.groups)
            codes = layer.weight / step.clamp_min(1e-12)
            assert (codes - codes.round()).abs().max() < 1e-3, name
    assert 0 < in_floats < off(keys(rounded, others), truth) < 0.7 * off(keys(nearest, others), truth)
