"""Recipes: how they are found, their options, and the memories they can be combined with."""

from __future__ import annotations

import pytest
import torch

from engine.methods.memories import CASCADES
from engine.methods.registry import RECIPES, find_recipe
from engine.networks.network import Network
from engine.shared.errors import BadSetting, UnknownRecipe


def test_the_error_for_an_unknown_recipe_lists_the_known_ones():
    with pytest.raises(UnknownRecipe, match=r"there is no recipe 'magic'; the recipes are keymatte, xmem\+\+, xmem, "):
        find_recipe("magic")


def test_numbers_are_the_defaults_updated_by_the_settings():
    numbers = find_recipe("keymatte").numbers({"memory.interval": "7"})
    assert numbers["memory.interval"] == 7
    assert numbers["read.top_k"] == 12


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"memory.size": "3"}, "no setting 'memory.size'; choose from read.top_k"),
        ({"memory.interval": "often"}, "whole number, not 'often'"),
        ({"memory.interval": "0"}, "at least 1, not 0"),
    ],
)
def test_invalid_settings_are_refused_with_a_reason(setting: dict, words: str):
    with pytest.raises(BadSetting, match=words):
        find_recipe("keymatte").numbers(setting)


def test_every_recipe_has_a_licence_and_an_empty_bank():
    for recipe in RECIPES.values():
        assert recipe.licence
        assert recipe.bank(recipe.numbers({}), network_of(recipe.name), 60).view().entries == ()


def network_of(name: str) -> Network:
    """Return a recipe's network on PyTorch's meta device, so that its weights take no memory."""
    recipe = find_recipe(name)
    with torch.device("meta"):
        return recipe.build(recipe.numbers({}), {})


@pytest.mark.parametrize(
    ("old", "new"), [("memory.least_frames", "memory.min_frames"), ("memory.most_frames", "memory.max_frames")]
)
def test_a_setting_of_version_0_1_0_that_was_renamed_is_refused_with_its_new_name(old: str, new: str):
    with pytest.raises(BadSetting, match=f"'{old}' is now called '{new}'"):
        find_recipe("xmem").numbers({old: "7"})
    assert find_recipe("xmem").numbers({new: "7"})[new] == 7


@pytest.mark.parametrize("memory", CASCADES)
@pytest.mark.parametrize("name", ["keymatte", "xmem++", "mavos", "deaot-l+rmem"])
def test_a_network_accepts_any_memory_whose_capability_it_has(name: str, memory: str):
    recipe, numbers = find_recipe(name).with_settings({"memory": memory})
    network = network_of(name)
    assert recipe.keyframe_policy.permanent
    if CASCADES[memory].needs and not isinstance(network, CASCADES[memory].needs):
        with pytest.raises(BadSetting, match="needs a network that"):
            recipe.bank(numbers, network, 60)
    else:
        assert recipe.bank(numbers, network, 60).view().entries == ()


def test_the_error_for_an_unknown_memory_lists_the_known_ones():
    with pytest.raises(BadSetting, match="there is no memory 'elephant'; choose from keyframes, recent, all"):
        find_recipe("keymatte").with_settings({"memory": "elephant"})


def test_choosing_a_memory_adds_its_options():
    _, numbers = find_recipe("keymatte").with_settings({"memory": "long-term", "memory.max_frames": "7"})
    assert (numbers["memory.max_frames"], numbers["memory.interval"]) == (7, 5)
    assert "memory.frames" not in numbers


def test_memory_is_not_shared_if_entries_are_shared_and_keyframes_permanent():
    recipe, _ = find_recipe("mavos").with_settings({"memory": "keyframes"})
    assert not recipe.keyframe_policy.shared_memory
    recipe, _ = find_recipe("xmem").with_settings({"memory": "keyframes"})
    assert recipe.keyframe_policy.shared_memory


def test_a_network_without_modulation_cannot_use_folded_memory():
    recipe, numbers = find_recipe("deaot-l").with_settings({"memory": "folded"})
    with pytest.raises(BadSetting, match="needs a network that folds"):
        recipe.bank(numbers, network_of("deaot-l"), 60)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_needs_weights_if_its_network_has_parameters(name):
    recipe = find_recipe(name)
    with torch.device("meta"):
        network = recipe.build(recipe.numbers({}), {})
    assert recipe.needs_weights == isinstance(network, torch.nn.Module)
