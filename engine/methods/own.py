"""Keymatte's own methods."""

from __future__ import annotations

from .. import checkpoints
from ..memory.bank import MemoryBank
from ..memory.stores import Bounded, Permanent
from ..memory.worth import recency
from ..networks.colour import Colour
from ..networks.keymatte import Keymatte
from ..networks.network import Network
from .recipe import INTERVAL, TOP_K, Numbers, Option, Recipe

_FRAMES = Option("memory.frames", 4, "past frames kept beside the keyframes", least=0)


def _permanent_and_recent(numbers: Numbers, network: Network, frames: int) -> MemoryBank:
    stores = [Permanent(), Bounded(numbers[_FRAMES.name], recency)]
    return MemoryBank(stores, interval=numbers[INTERVAL.name])


KEYMATTE = Recipe(
    name="keymatte",
    summary="Keymatte's own small network; every keyframe permanent, beside some past frames",
    licence="GPL-3.0-or-later",
    build=lambda numbers, tensors: Keymatte(top_k=numbers[TOP_K.name]),
    bank=_permanent_and_recent,
    options=(TOP_K, _FRAMES, INTERVAL),
    weights=checkpoints.BUNDLED / "keymatte.safetensors",
)

COLOUR = Recipe(
    name="colour",
    summary="No network: matches colours. For tests and for the first-run check",
    licence="GPL-3.0-or-later",
    build=lambda numbers, tensors: Colour(top_k=numbers["read.top_k"]),
    bank=lambda numbers, network, frames: MemoryBank([Permanent()], interval=1),
    options=(Option("read.top_k", 8, "memory cells that each place of the frame reads"),),
)
