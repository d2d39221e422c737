"""Registry of all recipes, by name."""

from __future__ import annotations

from ..shared.errors import UnknownRecipe
from . import aot, own, xmem
from .recipe import Recipe

RECIPES = {recipe.name: recipe for recipe in (own.KEYMATTE, xmem.XMEM_PLUS_PLUS, xmem.XMEM, *aot.ALL, own.COLOUR)}


def find_recipe(name: str) -> Recipe:
    """Return the recipe called `name`. Raises UnknownRecipe."""
    try:
        return RECIPES[name]
    except KeyError:
        raise UnknownRecipe(f"there is no recipe {name!r}; the recipes are {', '.join(RECIPES)}") from None
