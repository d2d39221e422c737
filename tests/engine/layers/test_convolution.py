"""Fused convolutions compute the same as unfused ones."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from engine.layers import convolution
from engine.layers.convolution import Conv

pytestmark = pytest.mark.skipif(not convolution._CAN_FUSE, reason="this PyTorch has no oneDNN")

SHAPES = [
    {"kernel": 1, "activation": "relu"},
    {"kernel": 3, "activation": "relu6"},
    {"kernel": 3, "stride": 2, "activation": "relu"},
    {"kernel": 3, "dilation": 2, "groups": 8, "activation": "relu6"},
    {"kernel": 3, "stride": 2, "groups": 8, "tf_same": True, "activation": "relu6"},
    {"kernel": 5, "stride": 2, "groups": 8, "tf_same": True, "activation": "relu6"},
    {"kernel": 5, "groups": 8, "tf_same": True},
    {"kernel": 7, "stride": 2, "activation": "relu"},
]


def unfused_and_fused(layer: Conv, *inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the layer's output unfused, as it is computed with gradients, and fused, as it is computed without."""
    unfused = layer.requires_grad_(True)(*inputs).detach()
    return unfused, layer.requires_grad_(False)(*inputs)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("size", [(32, 48), (33, 47)])
def test_fused_equals_unfused(shape: dict, size: tuple[int, int]):
    torch.manual_seed(3)
    layer, image = Conv(8, 8, **shape), 4 * torch.randn(2, 8, *size)
    if shape.get("tf_same") and size[0] % 2:  # padded unevenly: not fused
        assert layer.requires_grad_(False)(image).shape[-2:] == tuple(-(-s // layer.stride[0]) for s in size)
    unfused, fused = unfused_and_fused(layer, image)
    assert (unfused.max() <= 6 and unfused.min() >= 0) if shape.get("activation") == "relu6" else True
    assert torch.allclose(unfused, fused, atol=1e-5)


@pytest.mark.parametrize("activation", ["", "relu", "relu6"])
def test_a_map_is_added_before_the_activation(activation: str):
    torch.manual_seed(4)
    layer, image, addend = (
        Conv(4, 6, 3, activation=activation),
        torch.randn(1, 4, 16, 16),
        3 * torch.randn(1, 6, 16, 16),
    )
    before = addend.clone()
    unfused, fused = unfused_and_fused(layer, image, addend)
    assert torch.allclose(unfused, fused, atol=1e-5)
    assert torch.equal(addend, before)  # not modified in place
    if activation:
        plain = torch.nn.functional.conv2d(image, layer.weight, layer.bias, padding=1) + addend
        assert torch.allclose(fused, plain.clamp(0, 6.0 if activation == "relu6" else None), atol=1e-5)


def test_a_layer_built_in_inference_mode_works():
    with torch.inference_mode():
        layer = Conv(3, 3, 3).requires_grad_(False)
        assert layer(torch.ones(1, 3, 8, 8)).shape == (1, 3, 8, 8)


def test_cached_weights_are_renewed_for_other_sizes_and_after_changes():
    layer = Conv(3, 3, 3).requires_grad_(False)
    for side in range(8, 20):
        assert layer(torch.randn(1, 3, side, side)).shape[-1] == side
    before = layer(torch.ones(1, 3, 8, 8))
    layer.load_state_dict({name: 2 * tensor for name, tensor in layer.state_dict().items()})
    assert torch.allclose(layer(torch.ones(1, 3, 8, 8)), 2 * before, atol=1e-5)


@pytest.mark.parametrize("quantised", [False, True])
def test_a_used_layer_can_be_copied_and_the_copy_changed(quantised: bool):
    layer, image = Conv(3, 3, 3).requires_grad_(False), torch.randn(1, 3, 8, 8)
    layer.quantised = quantised
    before = layer(image)
    copied = deepcopy(layer)
    assert torch.equal(copied(image), before)
    copied.weight.mul_(2)
    assert not torch.allclose(copied(image), before, atol=1e-3)
    assert torch.equal(layer(image), before)
