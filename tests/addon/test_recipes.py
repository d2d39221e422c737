"""The add-on's menu of recipes agrees with the engine's recipe table."""

from __future__ import annotations

from keymatte.addon import recipes, weights
from keymatte.engine.shared.catalogue import CATALOGUE, published_for

from engine.methods.registry import RECIPES

MENU = [entry[0] for entry in recipes.MENU]


def test_every_menu_recipe_is_registered_in_the_engine():
    assert set(MENU) <= set(RECIPES)
    assert recipes.DEFAULT in MENU


def test_every_menu_recipe_has_weights_and_the_test_recipe_is_not_listed():
    bundled = {name for name, recipe in RECIPES.items() if recipe.settings.bundled}
    assert set(MENU) <= bundled | {name for entry in CATALOGUE for name in entry.recipes}
    assert "colour" not in MENU


def test_adapting_is_offered_for_recipes_that_support_it():
    assert {name for name in MENU if RECIPES[name].adapts} == recipes.ADAPT
    assert {name for name in MENU if RECIPES[name].follows} == recipes.FOLLOWS


def test_recipes_have_either_bundled_or_published_weights():
    for name in MENU:
        assert (published_for(name) == ()) == (RECIPES[name].settings.bundled is not None)


def test_stored_menu_numbers_are_unique():
    for menu in (recipes.MENU, weights.MENU):
        assert len({entry[0] for entry in menu}) == len({entry[3] for entry in menu}) == len(menu)
        assert all(0 <= entry[3] < 2**31 for entry in menu)
    offered = [entry.name for entry in CATALOGUE if {*MENU} & {*entry.recipes}]
    assert [entry[0] for entry in weights.MENU] == [weights.ANY, *offered]


def test_stored_recipe_numbers_do_not_change():
    assert {entry[0]: entry[3] for entry in recipes.MENU}.items() >= {
        "keymatte": 0,
        "xmem++": 2,
        "xmem": 3,
        "qdmn++": 9,
        "qdmn": 10,
    }.items()
    assert 1 not in [entry[3] for entry in recipes.MENU]


def test_tooltips_end_without_a_full_stop_because_blender_adds_one():
    for menu in (recipes.MENU, weights.MENU):
        assert not [entry[2] for entry in menu if entry[2].endswith(".")]
