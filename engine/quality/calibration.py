"""Calibration: turns the signals of a matte into the probability that an artist would leave it as it is.

The model is additive: every signal shifts the log-odds by a piecewise linear, monotone curve of its own, so that what
makes a matte doubtful can be told, and a signal never counts against its meaning.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..shared.quality import FIX_BELOW
from .signals import LEAP

FILE = Path(__file__).with_name("calibration.json")
_MIN_DOUBT = 0.25  # log-odds that a signal must take away to be named as the reason
MIN_LEAP = 1.0  # sides of the object; after a longer jump it may be another object
AGREED = 0.8  # agreement of two sweeps from which on both have found the same object

# The reason that each signal stands for; see `shared.quality.REASONS`.
REASON_OF = {
    "twin": "twin", "jump": "twin", "leap": "twin",
    "looks": "unlike", "margin": "unlike",
    "soft": "edge", "sure": "edge",
    "agree": "sweeps",
    "warp": "motion", "grow": "motion",
    "worst": "drift", "drift": "drift",
    "lost": "lost",
    "pieces": "pieces",
    "head": "unsure", "head_worst": "unsure",
    "size": "size",
}  # fmt: skip


@dataclass(frozen=True)
class Curve:
    """What one signal does to the log-odds."""

    knots: tuple[float, ...]  # values of the signal, ascending
    shifts: tuple[float, ...]  # of the log-odds at the knots; constant beyond them
    missing: float = 0.0  # if the signal could not be measured

    def __call__(self, value: float | None) -> float:
        """Return the shift of the log-odds for a value of the signal."""
        if value is None or math.isnan(value):
            return self.missing
        if value <= self.knots[0]:
            return self.shifts[0]
        for left, right, low, high in zip(self.knots, self.knots[1:], self.shifts, self.shifts[1:]):
            if value <= right:
                return low + (high - low) * (value - left) / (right - left)
        return self.shifts[-1]


@dataclass(frozen=True)
class Calibration:
    """Calibration of one recipe."""

    recipe: str
    bias: float
    curves: Mapping[str, Curve]
    after_leap: float = 1.0  # fraction of mattes that are good after a leap, whatever else is measured

    def probability(self, signals: Mapping[str, float]) -> float:
        """Return the probability, 0..1, that an artist would leave a matte with these signals as it is.

        A matte that has leapt to a perfect look-alike looks right in every respect: it is not trusted more than mattes
        that have leapt are in general, unless another sweep agrees.
        """
        total = self.bias + sum(curve(signals.get(name)) for name, curve in self.curves.items())
        probability = 1 / (1 + math.exp(-max(min(total, 30.0), -30.0)))
        return min(probability, self.after_leap) if has_leapt(signals) else probability

    def reason(self, signals: Mapping[str, float]) -> str:
        """Return the key of the main reason for doubt; empty if there is none.

        It is that of the signal that takes most from the probability, unless the object has jumped to another place:
        then that is what went wrong, whatever the mask looks like since.
        """
        if has_leapt(signals) and self.probability(signals) < FIX_BELOW:
            return "twin"
        doubts = {
            name: max(curve.shifts) - curve(signals[name]) for name, curve in self.curves.items() if name in signals
        }
        name = max(doubts, key=doubts.__getitem__, default="")
        return REASON_OF[name] if name and doubts[name] >= _MIN_DOUBT else ""


def has_leapt(signals: Mapping[str, float]) -> bool:
    """Return whether an object has jumped elsewhere since its keyframe, and no other sweep has found it there."""
    return signals.get(LEAP, 0.0) >= MIN_LEAP and signals.get("agree", 0.0) < AGREED


@lru_cache(maxsize=1)
def calibrations() -> dict[str, Calibration]:
    """Read the calibrations that come with Keymatte, by recipe."""
    if not FILE.is_file():
        return {}
    rows = json.loads(FILE.read_text(encoding="utf-8"))["recipes"]
    return {recipe: from_row(recipe, row) for recipe, row in rows.items()}


def from_row(recipe: str, row: Mapping[str, object]) -> Calibration:
    """Build a calibration from its row in the file."""
    curves = {
        name: Curve(tuple(curve["knots"]), tuple(curve["shifts"]), curve["missing"])
        for name, curve in row["curves"].items()  # type: ignore[attr-defined]
    }
    return Calibration(recipe, float(row["bias"]), curves, float(row["after_leap"]))  # type: ignore[arg-type]
