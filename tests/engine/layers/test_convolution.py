"""Convolutions in one pass compute what they compute in steps."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from engine.layers import convolution
from engine.layers.convolution import Conv

pytestmark = pytest.mark.skipif(not convolution._FUSED, reason="this PyTorch has no oneDNN")

SHAPES = [
    {"kernel": 1, "then": "relu"},
    {"kernel": 3, "then": "relu6"},
    {"kernel": 3, "stride": 2, "then": "relu"},
    {"kernel": 3, "dilation": 2, "groups": 8, "then": "relu6"},
    {"kernel": 3, "stride": 2, "groups": 8, "aligned": True, "then": "relu6"},
    {"kernel": 5, "stride": 2, "groups": 8, "aligned": True, "then": "relu6"},
    {"kernel": 5, "groups": 8, "aligned": True},
    {"kernel": 7, "stride": 2, "then": "relu"},
]


def both(layer: Conv, *given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """In steps, as in training, and in one pass."""
    in_steps = layer.requires_grad_(True)(*given).detach()
    return in_steps, layer.requires_grad_(False)(*given)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("size", [(32, 48), (33, 47)])
def test_one_pass_is_as_steps(shape: dict, size: tuple[int, int]):
    torch.manual_seed(3)
    layer, image = Conv(8, 8, **shape), 4 * torch.randn(2, 8, *size)
    if shape.get("aligned") and size[0] % 2:  # in steps, one may pad it as it comes
        assert layer.requires_grad_(False)(image).shape[-2:] == tuple(-(-s // layer.stride[0]) for s in size)
    in_steps, at_once = both(layer, image)
    assert (in_steps.max() <= 6 and in_steps.min() >= 0) if shape.get("then") == "relu6" else True
    assert torch.allclose(in_steps, at_once, atol=1e-5)


@pytest.mark.parametrize("then", ["", "relu", "relu6"])
def test_what_it_is_added_to_comes_before_what_follows(then: str):
    torch.manual_seed(4)
    layer, image, kept = Conv(4, 6, 3, then=then), torch.randn(1, 4, 16, 16), 3 * torch.randn(1, 6, 16, 16)
    before = kept.clone()
    in_steps, at_once = both(layer, image, kept)
    assert torch.allclose(in_steps, at_once, atol=1e-5)
    assert torch.equal(kept, before)  # it was not written over
    if then:
        plain = torch.nn.functional.conv2d(image, layer.weight, layer.bias, padding=1) + kept
        assert torch.allclose(at_once, plain.clamp(0, 6.0 if then == "relu6" else None), atol=1e-5)


def test_a_layer_made_where_nothing_is_learned_works():
    with torch.inference_mode():
        layer = Conv(3, 3, 3).requires_grad_(False)
        assert layer(torch.ones(1, 3, 8, 8)).shape == (1, 3, 8, 8)


def test_other_sizes_and_new_weights_are_seen():
    layer = Conv(3, 3, 3).requires_grad_(False)
    for side in range(8, 20):
        assert layer(torch.randn(1, 3, side, side)).shape[-1] == side
    before = layer(torch.ones(1, 3, 8, 8))
    layer.load_state_dict({name: 2 * tensor for name, tensor in layer.state_dict().items()})
    assert torch.allclose(layer(torch.ones(1, 3, 8, 8)), 2 * before, atol=1e-5)


@pytest.mark.parametrize("quantised", [False, True])
def test_a_layer_that_was_used_can_be_copied_and_goes_its_own_way(quantised: bool):
    layer, image = Conv(3, 3, 3).requires_grad_(False), torch.randn(1, 3, 8, 8)
    layer.quantised = quantised
    before = layer(image)
    copied = deepcopy(layer)
    assert torch.equal(copied(image), before)
    copied.weight.mul_(2)
    assert not torch.allclose(copied(image), before, atol=1e-3)
    assert torch.equal(layer(image), before)
