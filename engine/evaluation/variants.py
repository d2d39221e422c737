"""The ablation: the recipe under study with one thing changed. Another variant is another row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Variant:
    """Settings as of `--set`, under a name that says what they change."""

    name: str
    settings: Mapping[str, str]
    adapt: bool = False  # to each clip


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
