"""What all things of one composed film share, and dice to throw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .assets import Assets
from .sources import BACKGROUND, TEXTURE


@dataclass(frozen=True)
class Stage:
    """What all actors of one film share."""

    assets: Assets
    rng: np.random.Generator
    times: np.ndarray  # (T,)
    size: int  # pixels
    camera: np.ndarray  # (T, 3, 3)
    ground: np.ndarray  # (size, size, 3) uint8, the background on the first frame

    def chance(self, probability: float) -> bool:
        """True with that probability."""
        return bool(self.rng.random() < probability)

    def between(self, low: float, high: float) -> float:
        """A number between two, evenly."""
        return float(self.rng.uniform(low, high))

    def ratio(self, low: float, high: float) -> float:
        """A number between two, evenly in ratio."""
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def picture(self, *, photographs: float) -> np.ndarray:
        """(H, W, 3) a photograph, with that probability, or else a texture."""
        return self.assets.read(self.assets.pick(BACKGROUND if self.chance(photographs) else TEXTURE, self.rng))
