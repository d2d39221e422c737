"""The table of recipes and the numbers they can be given."""

from __future__ import annotations

import pytest

from engine.errors import BadSetting, UnknownRecipe
from engine.recipes import RECIPES, find_recipe


def test_an_unknown_recipe_is_answered_with_the_known_ones():
    with pytest.raises(UnknownRecipe, match=r"no recipe 'magic'; there are keymatte, xmem\+\+, xmem, "):
        find_recipe("magic")


def test_numbers_are_the_defaults_with_what_was_set():
    numbers = find_recipe("keymatte").numbers({"memory.interval": "7"})
    assert numbers["memory.interval"] == 7
    assert numbers["read.top_k"] == 30


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"memory.size": "3"}, "no setting 'memory.size'; it has read.top_k"),
        ({"memory.interval": "often"}, "whole number, not 'often'"),
        ({"memory.interval": "0"}, "at least 1, not 0"),
    ],
)
def test_wrong_settings_are_answered_in_words(setting: dict, words: str):
    with pytest.raises(BadSetting, match=words):
        find_recipe("keymatte").numbers(setting)


def test_every_recipe_gives_a_bank_and_says_its_licence():
    for recipe in RECIPES.values():
        assert recipe.licence
        assert recipe.bank(recipe.numbers({}), None, 60).view().entries == ()
