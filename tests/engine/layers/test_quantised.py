"""8-bit quantised convolutions are close to float ones, and exact for the quantised values."""

from __future__ import annotations

import platform

import pytest
import torch
from torch.nn import functional

from engine.jobs.setup import with_precision
from engine.layers import quantised
from engine.layers.convolution import Conv
from engine.layers.quantised import QuantisedMap, pack_weight, quantise
from engine.methods.registry import find_recipe
from engine.runtime.device import pick_precision
from engine.shared.errors import BadSetting

CPU = torch.device("cpu")
available = pytest.mark.skipif(not quantised.AVAILABLE, reason="quantised convolutions are not available")

SHAPES = [
    {"kernel": 1, "activation": "relu"},
    {"kernel": 3, "activation": "relu6"},
    {"kernel": 3, "stride": 2},
    {"kernel": 3, "groups": 16, "activation": "relu6"},
    {"kernel": 3, "stride": 2, "groups": 16, "tf_same": True, "activation": "relu6"},
    {"kernel": 5, "stride": 2, "groups": 16, "tf_same": True},
    {"kernel": 5, "groups": 16, "tf_same": True, "activation": "relu"},
]


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="other CPUs may lack them")
def test_quantised_convolutions_are_available_on_common_cpus():
    assert quantised.AVAILABLE


def values(codes: QuantisedMap) -> torch.Tensor:
    return (codes.codes.double() - codes.zero_point) * codes.scale


@available
@pytest.mark.parametrize(("low", "high"), [(0, 6), (-3, 5), (-4, -1), (2, 3), (0, 0)])
def test_quantisation_errs_by_at_most_half_a_step_and_represents_zero(low: float, high: float):
    torch.manual_seed(0)
    image = torch.rand(2, 3, 9, 11) * (high - low) + low
    codes = quantise(image)
    assert (values(codes) - image).abs().max() <= 0.51 * codes.scale
    assert 0 <= codes.zero_point <= 255
    assert codes.scale <= (max(high, 0) - min(low, 0)) / 254 or high == low


@available
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("adds", [False, True])
@pytest.mark.parametrize("signed", [False, True])
def test_quantised_results_are_close_to_float_results(shape: dict, adds: bool, signed: bool):
    torch.manual_seed(1)
    layer, image = Conv(16, 16, **shape).requires_grad_(False), 2 * torch.randn(2, 16, 20, 32)
    image = image if signed else image.relu()
    floats = layer(image)
    addend = torch.randn_like(floats) if adds else None
    floats = layer(image, addend)
    layer.quantised = True
    quantised_result = layer(image, addend)
    assert not torch.equal(quantised_result, floats)
    assert (quantised_result - floats).abs().max() < 0.04 * floats.abs().max()
    output = layer(image, addend, keep_quantised=True)  # codes only where the range is known beforehand
    if shape.get("activation") == "relu6" and not adds:
        assert (values(output) - quantised_result).abs().max() <= 0.51 * 6 / 255
    else:
        assert torch.equal(output, quantised_result)


@available
@pytest.mark.parametrize("groups", [1, 32])
def test_no_sum_overflows_on_any_cpu(groups: int):
    """Use the largest quantised weights and values.

    Some CPUs add products in pairs with 16 bits, which one more bit in the weights would overflow.
    """
    weight = torch.ones(32, 32 // groups, 3, 3)
    weight[::2] = -1
    full = QuantisedMap(torch.full((1, 32, 8, 8), 255, dtype=torch.uint8).to(memory_format=torch.channels_last), 1.0, 0)
    layer = Conv(32, 32, 3, groups=groups).requires_grad_(False)
    layer.weight.copy_(weight)
    layer.quantised = True
    exact = functional.conv2d(values(full), weight.double(), layer.bias.double(), padding=1, groups=groups)
    assert torch.allclose(layer(full).double(), exact, rtol=1e-6)


@available
def test_padding_is_zero_for_any_zero_point():
    torch.manual_seed(2)
    layer, image = Conv(8, 8, 5).requires_grad_(False), torch.randn(1, 8, 12, 12) + 1.5
    codes = quantise(image)
    assert codes.zero_point not in (0, 1, 128)
    ready = pack_weight(layer.weight, ([1, 1], [2, 2], [1, 1], 1))
    steps = (layer.weight / ready.scale[:, None, None, None]).round() * ready.scale[:, None, None, None]
    exact = functional.conv2d(values(codes), steps.double(), layer.bias.double(), padding=2)
    layer.quantised = True
    assert torch.allclose(layer(image).double(), exact, atol=1e-4)


@available
@pytest.mark.parametrize("groups", [1, 16])
def test_the_result_of_one_object_does_not_depend_on_other_objects(groups: int):
    torch.manual_seed(3)
    layer, image, addend = (
        Conv(16, 16, 3, groups=groups, activation="relu6"),
        torch.randn(2, 16, 9, 9),
        torch.randn(1, 16, 9, 9),
    )
    layer.requires_grad_(False)
    layer.quantised = True
    image[1] *= 50
    assert torch.equal(layer(image)[:1], layer(image[:1]))
    assert torch.equal(layer(image, addend)[:1], layer(image[:1], addend))
    assert torch.equal(layer(image, keep_quantised=True).codes[:1], layer(image[:1], keep_quantised=True).codes)


@available
def test_maps_that_cannot_be_quantised_are_computed_in_floats():
    layer = Conv(4, 4, 3).requires_grad_(False)
    layer.quantised = True
    assert layer(torch.zeros(0, 4, 8, 8)).shape == (0, 4, 8, 8)
    for value in (torch.nan, torch.inf):
        image = torch.zeros(1, 4, 8, 8)
        image[..., 0, 0] = value
        assert layer(image)[0, :, 4:, 4:].isfinite().all()


@available
def test_training_computes_in_floats_and_changed_weights_are_quantised_again():
    layer, image = Conv(8, 8, 3), torch.rand(1, 8, 8, 8)
    layer.quantised = True
    assert layer(image).requires_grad
    with torch.no_grad():  # evaluation during training is quantised again
        assert torch.equal(layer(image), layer.requires_grad_(False)(image))
    before = layer(image)
    layer.load_state_dict({name: 2 * tensor for name, tensor in layer.state_dict().items()})
    assert torch.allclose(layer(image), 2 * before, atol=1e-4)


@available
def test_auto_precision_is_int8_only_for_keymatte_on_a_cpu():
    def precision(name: str, recipe: str, **numbers: str) -> torch.dtype:
        method = find_recipe(recipe)
        network = method.build(method.numbers(numbers), {})
        return with_precision(network, CPU, name)[1]

    assert precision("auto", "keymatte") == torch.int8
    assert precision("float32", "keymatte") == precision("auto", "colour") == torch.float32
    assert pick_precision("auto", torch.device("cuda"), supports_int8=True) == torch.float16
    for refused in (
        lambda: precision("int8", "colour"),
        lambda: pick_precision("int8", torch.device("cuda"), supports_int8=True),
    ):
        with pytest.raises(BadSetting, match="int8"):
            refused()
