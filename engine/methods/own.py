"""Keymatte's own methods."""

from __future__ import annotations

from .. import checkpoints
from ..memory.bank import MemoryBank
from ..memory.stores import Permanent
from ..networks.colour import Colour
from ..networks.keymatte import Keymatte
from .memories import FRAMES, GATE, INTERVAL, PERMANENT, Option, find_cascade
from .recipe import STEPS, TOP_K, Recipe

NEAR = Option("read.near", 1, "0: the previous frame is not read; only for comparing", 0, 1)

KEYMATTE = Recipe(
    name="keymatte",
    summary="Keymatte's own small network; every keyframe permanent, beside some past frames",
    licence="GPL-3.0-or-later",
    build=lambda numbers, tensors: Keymatte(top_k=numbers[TOP_K.name], near=bool(numbers[NEAR.name])),
    # The fold and the quality that a gate goes by are not trained yet in the weights that come with it.
    bank=find_cascade("recent").bank,
    options=(TOP_K, NEAR, PERMANENT, FRAMES, INTERVAL, GATE, STEPS),
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
