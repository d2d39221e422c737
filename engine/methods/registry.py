"""Registry of all recipes, by name."""

from __future__ import annotations

from . import aot, own, qdmn, xmem
from .recipe import Recipe
from .settings import find_settings

RECIPES = {
    recipe.name: recipe for recipe in (own.KEYMATTE, xmem.XMEM_PLUS_PLUS, xmem.XMEM, *qdmn.ALL, *aot.ALL, own.COLOUR)
}


def find_recipe(name: str) -> Recipe:
    """Return the recipe called `name`. Raises UnknownRecipe."""
    return RECIPES[find_settings(name).recipe]
