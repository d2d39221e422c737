"""Variants of the recipe for the ablation study, each with one change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Variant:
    """Variant of a recipe: a name that says what is changed, and the settings to override, as with `--set`."""

    name: str
    settings: Mapping[str, str]
    adapt: bool = False  # whether to adapt to each clip


ADAPTED = Variant("adapted to the shot", {}, adapt=True)
VARIANTS = (
    Variant("no MCA: keyframes alone", {"memory": "keyframes"}),
    Variant("no MCA: recent frames", {"memory": "recent"}),
    Variant("no permanent keyframes", {"keyframes.permanent": "0"}),
    Variant("keyframes only as they are", {"keyframes.enlarged": "100"}),
    Variant("no gate", {"memory.gate": "0"}),
    Variant("no short-term path", {"previous.follow": "0"}),
    ADAPTED,
)
