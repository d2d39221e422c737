"""The table of recipes: a name -> a network and the memory it is run with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from . import checkpoints
from .errors import BadSetting, UnknownRecipe
from .memory.bank import MemoryBank
from .memory.stores import Bounded, Permanent
from .memory.worth import recency
from .networks.colour import Colour
from .networks.keymatte import Keymatte
from .networks.network import Network

Numbers = dict[str, int]  # a recipe's numbers by name, such as "memory.interval"


@dataclass(frozen=True)
class Option:
    """A number of a recipe that can be set."""

    name: str
    default: int
    meaning: str
    least: int = 1


@dataclass(frozen=True)
class Recipe:
    """A method: a network, the memories it is run with, and where its weights are."""

    name: str
    summary: str
    licence: str
    build: Callable[[Numbers], Network]
    bank: Callable[[Numbers], MemoryBank]
    options: tuple[Option, ...]
    weights: Path | None  # None: needs none

    def numbers(self, overrides: dict[str, str]) -> Numbers:
        """Defaults with `overrides` in their place. Raises BadSetting."""
        numbers = {option.name: option.default for option in self.options}
        least = {option.name: option.least for option in self.options}
        for name, text in overrides.items():
            if name not in numbers:
                raise BadSetting(f"recipe {self.name!r} has no setting {name!r}; it has {', '.join(numbers)}")
            try:
                numbers[name] = int(text)
            except ValueError:
                raise BadSetting(f"{name} must be a whole number, not {text!r}") from None
            if numbers[name] < least[name]:
                raise BadSetting(f"{name} must be at least {least[name]}, not {numbers[name]}")
        return numbers

    def network(self, numbers: Numbers, *, weights: Path | None, device: torch.device) -> Network:
        """The network, loaded and on `device`. Raises WeightsMissing, WeightsDamaged."""
        network = self.build(numbers)
        if isinstance(network, torch.nn.Module):
            checkpoints.load(network, weights or self.weights)
            network = network.eval().requires_grad_(False).to(device)
        return network


_TOP_K = Option("read.top_k", 30, "memory tokens that each place of the frame reads")
_FRAMES = Option("memory.frames", 4, "past frames kept beside the keyframes", least=0)
_INTERVAL = Option("memory.interval", 5, "frames between two that are kept")


def _permanent_and_recent(numbers: Numbers) -> MemoryBank:
    stores = [Permanent(), Bounded(numbers[_FRAMES.name], recency)]
    return MemoryBank(stores, interval=numbers[_INTERVAL.name])


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="keymatte",
            summary="Keymatte's own small network; every keyframe permanent, beside some past frames",
            licence="GPL-3.0-or-later",
            build=lambda numbers: Keymatte(top_k=numbers[_TOP_K.name]),
            bank=_permanent_and_recent,
            options=(_TOP_K, _FRAMES, _INTERVAL),
            weights=checkpoints.BUNDLED / "keymatte.safetensors",
        ),
        Recipe(
            name="colour",
            summary="No network: matches colours. For tests and for the first-run check",
            licence="GPL-3.0-or-later",
            build=lambda numbers: Colour(top_k=numbers["read.top_k"]),
            bank=lambda numbers: MemoryBank([Permanent()], interval=1),
            options=(Option("read.top_k", 8, "memory cells that each place of the frame reads"),),
            weights=None,
        ),
    )
}


def find_recipe(name: str) -> Recipe:
    """The recipe called `name`. Raises UnknownRecipe."""
    try:
        return RECIPES[name]
    except KeyError:
        raise UnknownRecipe(f"no recipe {name!r}; there are {', '.join(RECIPES)}") from None
