"""Random draws from common distributions."""

from __future__ import annotations

import numpy as np


class RandomSampler:
    """Mixin that draws from `rng`, the generator that a subclass provides."""

    rng: np.random.Generator

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return bool(self.rng.random() < probability)

    def between(self, low: float, high: float) -> float:
        """Draw uniformly from [low, high)."""
        return float(self.rng.uniform(low, high))

    def ratio(self, low: float, high: float) -> float:
        """Draw log-uniformly from [low, high)."""
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))
