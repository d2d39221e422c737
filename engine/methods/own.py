"""Recipes of Keymatte's own networks: `keymatte`, and `colour`, which needs no weights."""

from __future__ import annotations

from ..inference.framing import FramingStyle
from ..inference.sweeps import KeyframePolicy
from ..memory.bank import MemoryBank
from ..memory.stores import Permanent
from ..networks.colour import Colour
from ..networks.keymatte import Keymatte
from .memories import CASCADES
from .options import ENLARGED, FOLLOW, TOP_K
from .recipe import Recipe

KEYMATTE = Recipe(
    name="keymatte",
    summary="Keymatte's own small network; every keyframe is permanent; other frames are folded into one (MCA)",
    licence="GPL-3.0-or-later",
    build=lambda numbers, tensors: Keymatte(
        top_k=numbers[TOP_K.name], use_flow=bool(numbers[FOLLOW.name]), enlarged=numbers[ENLARGED.name] / 100
    ),
    bank=CASCADES["folded"].bank,
    keyframe_policy=KeyframePolicy(restarts=True),
    skips=True,
    follows=True,
    framing=FramingStyle(min_object=24.0),  # in IoU, objects of 8 pixels gain 0.2 from it, and of 16 pixels 0.1
)

COLOUR = Recipe(
    name="colour",
    needs_weights=False,
    summary="Matches colours, without trained weights; for tests and the first-run check",
    licence="GPL-3.0-or-later",
    build=lambda numbers, tensors: Colour(top_k=numbers[TOP_K.name]),
    bank=lambda numbers, network, frames: MemoryBank([Permanent()], interval=1),
    keyframe_policy=KeyframePolicy(restarts=True, soften=False),
    skips=True,
)
