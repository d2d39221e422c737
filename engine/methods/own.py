"""Keymatte's own methods."""

from __future__ import annotations

from .. import checkpoints
from ..memory.bank import MemoryBank
from ..memory.stores import Permanent
from ..networks.colour import Colour
from ..networks.keymatte import Keymatte
from .memories import FRAMES, INTERVAL, Option, find_cascade
from .recipe import TOP_K, Recipe

KEYMATTE = Recipe(
    name="keymatte",
    summary="Keymatte's own small network; every keyframe permanent, beside some past frames",
    licence="GPL-3.0-or-later",
    build=lambda numbers, tensors: Keymatte(top_k=numbers[TOP_K.name]),
    bank=find_cascade("recent").bank,
    options=(TOP_K, FRAMES, INTERVAL),
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
