"""Our network: shapes, determinism, and that it needs what it is given."""

from __future__ import annotations

import pytest
import torch

from engine.layers.backbones import EfficientNetLite0, folded_lite0
from engine.memory.bank import MemoryBank
from engine.memory.stores import Permanent
from engine.networks.keymatte import Keymatte
from engine.recipes import find_recipe


@pytest.fixture(scope="module")
def network() -> Keymatte:
    recipe = find_recipe("keymatte")
    return recipe.network(recipe.numbers({}), weights=None, device=torch.device("cpu"))


def bank_of(network: Keymatte, image: torch.Tensor, masks: torch.Tensor) -> MemoryBank:
    bank = MemoryBank([Permanent()], interval=1)
    bank.write(network.memorize(0, network.encode(image), masks, None)[0].as_pinned())
    return bank


def test_it_is_small():
    assert 3e6 < sum(weight.numel() for weight in Keymatte().parameters()) < 8e6


@pytest.mark.parametrize(("objects", "height", "width"), [(1, 32, 32), (3, 64, 96), (12, 32, 64)])
def test_probabilities_have_the_shape_of_the_frame(network, objects: int, height: int, width: int):
    image, masks = torch.rand(1, 3, height, width), torch.rand(objects, height, width).round()
    with torch.inference_mode():
        found, _ = network.segment(network.encode(image), bank_of(network, image, masks).view(), None)
    assert found.shape == (objects, height, width)
    assert 0 <= found.min() <= found.max() <= 1


def test_images_encoded_together_are_as_encoded_alone(network):
    images = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        together, alone = network.encode_all(images)[1], network.encode(images[1:])
    assert torch.allclose(together.query["key"], alone.query["key"], atol=1e-4)


def test_one_object_is_carried_to_the_same_frame_and_an_empty_mask_stays_empty(network):
    torch.manual_seed(1)
    image = torch.nn.functional.interpolate(torch.rand(1, 3, 12, 12), size=(192, 192), mode="nearest")
    masks = torch.zeros(2, 192, 192)
    masks[0, 48:144, 64:128] = 1
    with torch.inference_mode():
        features = network.encode(image)
        bank = bank_of(network, image, masks)
        state = network.settle(0, features, masks, None)
        found, _ = network.segment(features, bank.view(), state)
    overlap = ((found[0] > 0.5) & (masks[0] > 0)).sum() / ((found[0] > 0.5) | (masks[0] > 0)).sum()
    assert overlap > 0.9
    assert (found[1] > 0.5).float().mean() < 0.01


def test_the_folded_trunk_computes_what_batch_norm_would():
    torch.manual_seed(0)
    trunk = EfficientNetLite0()
    published = {}

    def norm(name: str, channels: int) -> None:
        published[f"{name}.weight"], published[f"{name}.bias"] = torch.rand(channels) + 0.5, torch.randn(channels)
        published[f"{name}.running_mean"] = torch.randn(channels)
        published[f"{name}.running_var"] = torch.rand(channels) + 0.5

    published["_conv_stem.weight"] = torch.randn_like(trunk.stem.weight)
    norm("_bn0", 32)
    for index, block in enumerate(trunk.blocks):
        for part, name, bn in (
            (block.expand, "_expand_conv", "_bn0"),
            (block.depthwise, "_depthwise_conv", "_bn1"),
            (block.project, "_project_conv", "_bn2"),
        ):
            if part is not None:
                published[f"_blocks.{index}.{name}.weight"] = torch.randn_like(part.weight)
                norm(f"_blocks.{index}.{bn}", part.weight.shape[0])
    state = folded_lite0(published)
    assert state.keys() == trunk.state_dict().keys()
    trunk.load_state_dict(state)
    image = torch.randn(1, 3, 32, 32)
    plain = torch.nn.functional.conv2d(
        torch.nn.functional.pad(image, (0, 1, 0, 1)), published["_conv_stem.weight"], stride=2
    )
    plain = torch.nn.functional.batch_norm(
        plain, *(published[f"_bn0.{name}"] for name in ("running_mean", "running_var", "weight", "bias")), eps=1e-3
    )
    assert torch.allclose(trunk.stem(image), torch.nn.functional.relu6(plain), atol=1e-4)
