"""Recipes of Keymatte's own networks: `keymatte`, and `colour`, which needs no weights."""

from __future__ import annotations

from dataclasses import replace

from ..checkpoints import loading
from ..memory.bank import MemoryBank
from ..memory.stores import Permanent
from ..networks.colour import Colour
from ..networks.keymatte import Keymatte
from .memories import GATE, INTERVAL, PERMANENT, Option, find_cascade
from .recipe import STEPS, TOP_K, Recipe

FOLLOW = Option(
    "previous.follow", 1, "1: carry the previous masks over by optical flow; 0: do not (only for comparison)", 0, 1
)
ENLARGED = Option(
    "keyframes.enlarged",
    133,
    "percent: also remember each keyframe enlarged to this size; 100: only at its own size",
    100,
    400,
)

KEYMATTE = Recipe(
    name="keymatte",
    summary="Keymatte's own small network; every keyframe is permanent; other frames are folded into one (MCA)",
    licence="GPL-3.0-or-later",
    build=lambda numbers, tensors: Keymatte(
        top_k=numbers[TOP_K.name], use_flow=bool(numbers[FOLLOW.name]), enlarged=numbers[ENLARGED.name] / 100
    ),
    bank=find_cascade("folded").bank,
    options=(replace(TOP_K, default=12), FOLLOW, PERMANENT, ENLARGED, INTERVAL, replace(GATE, default=60), STEPS),
    weights=loading.BUNDLED / "keymatte.safetensors",
)

COLOUR = Recipe(
    name="colour",
    needs_weights=False,
    summary="Matches colours, without trained weights; for tests and the first-run check",
    licence="GPL-3.0-or-later",
    build=lambda numbers, tensors: Colour(top_k=numbers["read.top_k"]),
    bank=lambda numbers, network, frames: MemoryBank([Permanent()], interval=1),
    options=(Option("read.top_k", 8, "memory tokens read at each position of the frame"),),
)
