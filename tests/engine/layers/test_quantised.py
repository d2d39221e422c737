"""Convolutions in whole numbers of 8 bits are near those in floats, and exactly what whole numbers give."""

from __future__ import annotations

import platform

import pytest
import torch
from torch.nn import functional

from engine.jobs.setup import in_precision
from engine.layers import quantised
from engine.layers.convolution import Conv
from engine.layers.quantised import Codes, coded, packed
from engine.methods.registry import find_recipe
from engine.runtime.device import pick_precision
from engine.shared.errors import BadSetting

CPU = torch.device("cpu")
able = pytest.mark.skipif(not quantised.ABLE, reason="this PyTorch has no whole numbers on the processor")

SHAPES = [
    {"kernel": 1, "then": "relu"},
    {"kernel": 3, "then": "relu6"},
    {"kernel": 3, "stride": 2},
    {"kernel": 3, "groups": 16, "then": "relu6"},
    {"kernel": 3, "stride": 2, "groups": 16, "aligned": True, "then": "relu6"},
    {"kernel": 5, "stride": 2, "groups": 16, "aligned": True},
    {"kernel": 5, "groups": 16, "aligned": True, "then": "relu"},
]


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="other processors may do without")
def test_common_processors_can():
    assert quantised.ABLE


def values(codes: Codes) -> torch.Tensor:
    return (codes.codes.double() - codes.zero) * codes.scale


@able
@pytest.mark.parametrize(("low", "high"), [(0, 6), (-3, 5), (-4, -1), (2, 3), (0, 0)])
def test_codes_are_half_a_step_off_at_most_and_zero_is_one_of_them(low: float, high: float):
    torch.manual_seed(0)
    image = torch.rand(2, 3, 9, 11) * (high - low) + low
    codes = coded(image)
    assert (values(codes) - image).abs().max() <= 0.51 * codes.scale
    assert 0 <= codes.zero <= 255
    assert codes.scale <= (max(high, 0) - min(low, 0)) / 254 or high == low


@able
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("adds", [False, True])
@pytest.mark.parametrize("signed", [False, True])
def test_whole_numbers_are_near_floats(shape: dict, adds: bool, signed: bool):
    torch.manual_seed(1)
    layer, image = Conv(16, 16, **shape).requires_grad_(False), 2 * torch.randn(2, 16, 20, 32)
    image = image if signed else image.relu()
    floats = layer(image)
    kept = torch.randn_like(floats) if adds else None
    floats = layer(image, kept)
    layer.quantised = True
    use_all_threads = layer(image, kept)
    assert not torch.equal(use_all_threads, floats)
    assert (use_all_threads - floats).abs().max() < 0.04 * floats.abs().max()
    left = layer(image, kept, coded=True)  # as the next convolution takes it, where the range is known beforehand
    if shape.get("then") == "relu6" and not adds:
        assert (values(left) - use_all_threads).abs().max() <= 0.51 * 6 / 255
    else:
        assert torch.equal(left, use_all_threads)


@able
@pytest.mark.parametrize("groups", [1, 32])
def test_no_sum_is_cut_off_on_any_processor(groups: int):
    """The greatest weights and the greatest values, whose pairs would not fit in 16 bits with one bit more."""
    weight = torch.ones(32, 32 // groups, 3, 3)
    weight[::2] = -1
    full = Codes(torch.full((1, 32, 8, 8), 255, dtype=torch.uint8).to(memory_format=torch.channels_last), 1.0, 0)
    layer = Conv(32, 32, 3, groups=groups).requires_grad_(False)
    layer.weight.copy_(weight)
    layer.quantised = True
    exact = functional.conv2d(values(full), weight.double(), layer.bias.double(), padding=1, groups=groups)
    assert torch.allclose(layer(full).double(), exact, rtol=1e-6)


@able
def test_padding_is_zero_whatever_zero_is_coded_as():
    torch.manual_seed(2)
    layer, image = Conv(8, 8, 5).requires_grad_(False), torch.randn(1, 8, 12, 12) + 1.5
    codes = coded(image)
    assert codes.zero not in (0, 1, 128)
    ready = packed(layer.weight, ([1, 1], [2, 2], [1, 1], 1))
    steps = (layer.weight / ready.scale[:, None, None, None]).round() * ready.scale[:, None, None, None]
    exact = functional.conv2d(values(codes), steps.double(), layer.bias.double(), padding=2)
    layer.quantised = True
    assert torch.allclose(layer(image).double(), exact, atol=1e-4)


@able
@pytest.mark.parametrize("groups", [1, 16])
def test_one_object_s_map_is_the_same_beside_another_s(groups: int):
    torch.manual_seed(3)
    layer, image, kept = (
        Conv(16, 16, 3, groups=groups, then="relu6"),
        torch.randn(2, 16, 9, 9),
        torch.randn(1, 16, 9, 9),
    )
    layer.requires_grad_(False)
    layer.quantised = True
    image[1] *= 50
    assert torch.equal(layer(image)[:1], layer(image[:1]))
    assert torch.equal(layer(image, kept)[:1], layer(image[:1], kept))
    assert torch.equal(layer(image, coded=True).codes[:1], layer(image[:1], coded=True).codes)


@able
def test_what_cannot_be_coded_is_computed_in_floats():
    layer = Conv(4, 4, 3).requires_grad_(False)
    layer.quantised = True
    assert layer(torch.zeros(0, 4, 8, 8)).shape == (0, 4, 8, 8)
    for odd in (torch.nan, torch.inf):
        image = torch.zeros(1, 4, 8, 8)
        image[..., 0, 0] = odd
        assert layer(image)[0, :, 4:, 4:].isfinite().all()


@able
def test_what_is_learned_is_computed_in_floats_and_seen_when_it_has_changed():
    layer, image = Conv(8, 8, 3), torch.rand(1, 8, 8, 8)
    layer.quantised = True
    assert layer(image).requires_grad
    with torch.no_grad():  # a look at what was learned so far is in whole numbers again
        assert torch.equal(layer(image), layer.requires_grad_(False)(image))
    before = layer(image)
    layer.load_state_dict({name: 2 * tensor for name, tensor in layer.state_dict().items()})
    assert torch.allclose(layer(image), 2 * before, atol=1e-4)


@able
def test_auto_takes_whole_numbers_for_our_network_on_a_processor_only():
    def precision(name: str, recipe: str, **numbers: str) -> torch.dtype:
        found = find_recipe(recipe)
        network = found.build(found.numbers(numbers), {})
        return in_precision(network, CPU, name)[1]

    assert precision("auto", "keymatte") == torch.int8
    assert precision("float32", "keymatte") == precision("auto", "colour") == torch.float32
    assert pick_precision("auto", torch.device("cuda"), whole=True) == torch.float16
    for refused in (
        lambda: precision("int8", "colour"),
        lambda: pick_precision("int8", torch.device("cuda"), whole=True),
    ):
        with pytest.raises(BadSetting, match="int8"):
            refused()
