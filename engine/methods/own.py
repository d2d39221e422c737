"""Keymatte's own methods."""

from __future__ import annotations

from dataclasses import replace

from ..checkpoints import loading
from ..memory.bank import MemoryBank
from ..memory.stores import Permanent
from ..networks.colour import Colour
from ..networks.keymatte import Keymatte
from .memories import GATE, INTERVAL, PERMANENT, Option, find_cascade
from .recipe import STEPS, TOP_K, Recipe

FOLLOW = Option("previous.follow", 1, "0: the previous frame is not followed; only for comparing", 0, 1)
ENLARGED = Option(
    "keyframes.enlarged", 133, "percent: keyframes are remembered this much larger too; 100: only as they are", 100, 400
)

KEYMATTE = Recipe(
    name="keymatte",
    summary="Keymatte's own small network; every keyframe permanent, beside one frame that folds in the others (MCA)",
    licence="GPL-3.0-or-later",
    build=lambda numbers, tensors: Keymatte(
        top_k=numbers[TOP_K.name], follow=bool(numbers[FOLLOW.name]), enlarged=numbers[ENLARGED.name] / 100
    ),
    bank=find_cascade("folded").bank,
    options=(replace(TOP_K, default=12), FOLLOW, PERMANENT, ENLARGED, INTERVAL, replace(GATE, default=60), STEPS),
    weights=loading.BUNDLED / "keymatte.safetensors",
)

COLOUR = Recipe(
    name="colour",
    summary="No network: matches colours. For tests and for the first-run check",
    licence="GPL-3.0-or-later",
    build=lambda numbers, tensors: Colour(top_k=numbers["read.top_k"]),
    bank=lambda numbers, network, frames: MemoryBank([Permanent()], interval=1),
    options=(Option("read.top_k", 8, "memory cells that each place of the frame reads"),),
)
