"""What all things of one composed film share, and random draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .assets import Assets
from .random_sampler import RandomSampler
from .sources import BACKGROUND, TEXTURE


@dataclass(frozen=True)
class Stage(RandomSampler):
    """What all actors of one film share."""

    assets: Assets
    rng: np.random.Generator
    times: np.ndarray  # (T,)
    size: int  # pixels
    camera: np.ndarray  # (T, 3, 3)
    ground: np.ndarray  # (size, size, 3) uint8, the background on the first frame

    def picture(self, *, photographs: float) -> np.ndarray:
        """(H, W, 3) a photograph, with that probability, or else a texture."""
        return self.assets.read(self.assets.pick(BACKGROUND if self.chance(photographs) else TEXTURE, self.rng))

    def shutter(self) -> float:
        """The part of the time between two frames that a shutter is open for a thing; 0 on a single frame."""
        return self.between(0.1, 0.7) if len(self.times) > 1 and self.chance(0.45) else 0.0
