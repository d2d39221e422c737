"""Recipes: how they are found, their options, and the memories they can be combined with."""

from __future__ import annotations

import pytest
import torch

from engine.methods.memories import CASCADES
from engine.methods.options import DISTILS, FOLDS, MEMORIES
from engine.methods.registry import RECIPES, find_recipe
from engine.methods.settings import SETTINGS, find_settings
from engine.networks.network import DistilsPrototypes, FoldsEntries, Network
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
        ({"elephant": "3"}, "no setting 'elephant'; choose from read.top_k"),
        ({"memory.intervall": "3"}, "no setting 'memory.intervall'; similar names are memory.interval"),
        ({"interval": "3"}, "no setting 'interval'; similar names are memory.interval"),
        ({"mem_evry": "3"}, "no setting 'mem_evry'; similar names are mem_every"),
        ({"size": "480"}, "'size' is set by the option --height"),
        ({"mem_every": "3", "memory.interval": "3"}, "'mem_every' and 'memory.interval' are the same setting"),
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


@pytest.mark.parametrize(
    ("recipe", "names"),
    [
        ("xmem", {
            "mem_every": "memory.interval", "top_k": "read.top_k", "min_mid_term_frames": "memory.min_frames",
            "max_mid_term_frames": "memory.max_frames", "num_prototypes": "memory.prototypes",
            "max_long_term_elements": "memory.long_term_tokens", "deep_update_every": "sensory.deep_update",
            "key_dim": "network.key_channels", "value_dim": "network.value_channels",
            "hidden_dim": "network.sensory_channels", "T_min": "memory.min_frames", "T_max": "memory.max_frames",
            "LT_max": "memory.long_term_tokens", "P": "memory.prototypes", "r": "memory.interval", "k": "read.top_k",
        }),
        ("keymatte", {"mem_every": "memory.interval", "top_k": "read.top_k"}),
        ("aot-l", {"TEST_LONG_TERM_MEM_GAP": "memory.interval", "mem_every": "memory.interval"}),
        ("qdmn", {
            "mem_freq": "memory.interval", "top_k": "read.top_k", "memory_thr": "memory.max_written",
        }),
        ("deaot-l+rmem", {"LATTER_MEM_LEN": "memory.frames", "TEST_LONG_TERM_MEM_GAP": "memory.interval"}),
    ],
)  # fmt: skip
def test_settings_are_also_known_by_their_names_in_the_papers(recipe: str, names: dict[str, str]):
    settings = find_settings(recipe)
    for paper, ours in names.items():
        value = settings.numbers({})[ours] + 1
        assert settings.numbers({paper: str(value)})[ours] == value, paper


@pytest.mark.parametrize(
    ("name", "setting"),
    [("enable_long_term", "memory.long_term"), ("enable_long_term_count_usage", "memory.count_long_term")],
)
def test_switches_are_known_by_their_names_in_the_papers(name: str, setting: str):
    assert find_settings("xmem").numbers({name: "0"})[setting] == 0


def test_every_recipe_has_a_row_of_settings_and_each_row_a_recipe():
    assert list(RECIPES) == list(SETTINGS)


@pytest.mark.parametrize("name", RECIPES)
def test_the_settings_say_what_the_network_can_do(name: str):
    network = network_of(name)
    abilities = {DISTILS: DistilsPrototypes, FOLDS: FoldsEntries}
    assert [ability for ability, kind in abilities.items() if isinstance(network, kind)] == list(
        filter(None, [find_settings(name).network])
    )


@pytest.mark.parametrize("memory", CASCADES)
@pytest.mark.parametrize("name", ["keymatte", "xmem++", "mavos", "deaot-l+rmem"])
def test_a_recipe_accepts_any_memory_whose_capability_its_network_has(name: str, memory: str):
    if MEMORIES[memory].needs not in ("", find_settings(name).network):
        with pytest.raises(BadSetting, match="needs a network that"):
            find_recipe(name).with_settings({"memory": memory})
        return
    recipe, numbers = find_recipe(name).with_settings({"memory": memory})
    assert recipe.keyframe_policy.permanent
    assert recipe.bank(numbers, network_of(name), 60).view().entries == ()


def test_the_error_for_an_unknown_memory_lists_the_known_ones():
    with pytest.raises(BadSetting, match="there is no memory 'elephant'; choose from keyframes, recent, all"):
        find_recipe("keymatte").with_settings({"memory": "elephant"})


def test_choosing_a_memory_adds_its_options():
    _, numbers = find_recipe("xmem").with_settings({"memory": "recent", "LATTER_MEM_LEN": "7"})
    assert (numbers["memory.frames"], numbers["memory.interval"]) == (7, 5)
    assert "memory.max_frames" not in numbers


def test_memory_is_not_shared_if_entries_are_shared_and_keyframes_permanent():
    recipe, _ = find_recipe("mavos").with_settings({"memory": "keyframes"})
    assert not recipe.keyframe_policy.shared_memory
    recipe, _ = find_recipe("xmem").with_settings({"memory": "keyframes"})
    assert recipe.keyframe_policy.shared_memory


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_needs_weights_if_its_network_has_parameters(name):
    recipe = find_recipe(name)
    with torch.device("meta"):
        network = recipe.build(recipe.numbers({}), {})
    assert recipe.needs_weights == isinstance(network, torch.nn.Module)
