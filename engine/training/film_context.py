"""Settings that all objects of one composed film share, and random draws for the film."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .assets import Assets
from .random_sampler import RandomSampler
from .sources import BACKGROUND, TEXTURE


@dataclass(frozen=True)
class FilmContext(RandomSampler):
    """Pictures, random generator, frame times, size, camera and background of one composed film of T frames."""

    assets: Assets
    rng: np.random.Generator
    times: np.ndarray  # (T,)
    size: int  # pixels
    camera: np.ndarray  # (T, 3, 3)
    ground: np.ndarray  # (size, size, 3) uint8, the background on the first frame

    def picture(self, *, photographs: float) -> np.ndarray:
        """Sample a picture (H, W, 3): a photograph with probability `photographs`, otherwise a texture."""
        return self.assets.read(self.assets.pick(BACKGROUND if self.chance(photographs) else TEXTURE, self.rng))

    def shutter(self) -> float:
        """Sample an object's motion blur, as a share of its movement between frames.

        It is 0 for about half of the objects, and for all objects of a film with one frame.
        """
        return self.between(0.1, 0.7) if len(self.times) > 1 and self.chance(0.45) else 0.0
