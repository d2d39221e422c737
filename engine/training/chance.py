"""Dice to throw, for all that is made at random."""

from __future__ import annotations

import numpy as np


class Chance:
    """Throws of a generator that its heirs bring along as `rng`."""

    rng: np.random.Generator

    def chance(self, probability: float) -> bool:
        """True with that probability."""
        return bool(self.rng.random() < probability)

    def between(self, low: float, high: float) -> float:
        """A number between two, evenly."""
        return float(self.rng.uniform(low, high))

    def ratio(self, low: float, high: float) -> float:
        """A number between two, evenly in ratio."""
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))
