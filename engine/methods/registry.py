"""The table of recipes: a name -> a network and the memory it is run with."""

from __future__ import annotations

from ..shared.errors import UnknownRecipe
from . import aot, own, xmem
from .recipe import Recipe

RECIPES = {recipe.name: recipe for recipe in (own.KEYMATTE, xmem.XMEM_PLUS_PLUS, xmem.XMEM, *aot.ALL, own.COLOUR)}


def find_recipe(name: str) -> Recipe:
    """The recipe called `name`. Raises UnknownRecipe."""
    try:
        return RECIPES[name]
    except KeyError:
        raise UnknownRecipe(f"no recipe {name!r}; there are {', '.join(RECIPES)}") from None
