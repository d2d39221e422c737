"""Random draws for scenes: numbers, smooth curves over time, colours, images and surface materials."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from ..assets import Assets
from ..random_sampler import RandomSampler
from ..sources import BACKGROUND, TEXTURE
from .meshes import SurfaceMaterial

MAX_IMAGE_SIDE = 320  # pixels; a larger texture costs time and shows no more detail


@dataclass(frozen=True)
class SceneSampler(RandomSampler):
    """Draws random numbers, curves, colours and materials for a scene; `seconds` are the times of its time steps."""

    rng: np.random.Generator
    seconds: np.ndarray  # (K,)
    assets: Assets
    used: set[tuple[str, str]] = field(default_factory=set)  # (package, file) of every image that was drawn
    # Separate, so that options added for training leave the draws of held-out scenes unchanged; there it is None.
    train_only_rng: np.random.Generator | None = None

    def train_only_chance(self, probability: float) -> bool:
        """Return True with the given probability in training scenes, and always False in held-out scenes."""
        return self.train_only_rng is not None and bool(self.train_only_rng.random() < probability)

    def integer(self, low: int, high: int) -> int:
        """Draw an integer from `low` to `high`, both included."""
        return int(self.rng.integers(low, high + 1))

    def sign(self) -> float:
        """Draw -1.0 or 1.0 with equal probability."""
        return 1.0 if self.rng.random() < 0.5 else -1.0

    def weighted_choice(self, weights: dict[str, float]) -> str:
        """Draw a key with probability proportional to its weight."""
        values = np.array(list(weights.values()))
        return list(weights)[self.rng.choice(len(values), p=values / values.sum())]

    def wave(self, frequency: float, amplitude: float = 1.0) -> np.ndarray:
        """Return a sine (K,) of random phase, with about the given frequency in Hz."""
        frequency = frequency * self.between(0.75, 1.3)
        return amplitude * np.sin(2 * np.pi * (frequency * self.seconds + self.rng.random()))

    def smooth_noise(self, amplitude: float, frequency: float) -> np.ndarray:
        """Return a smooth random curve (K,), within about +-`amplitude`: four sines of about `frequency` Hz."""
        octaves = [self.wave(frequency * factor, amplitude / factor**0.7) for factor in (0.6, 1.0, 1.7, 2.9)]
        return np.asarray(sum(octaves)) / 2

    def colour(self) -> tuple[float, float, float]:
        """Sample an sRGB colour from nearly black to full brightness, with low saturation in half of all draws."""
        hue, kind = self.rng.random(), self.rng.random()
        saturation = self.between(0.0, 0.35) if kind < 0.5 else self.between(0.4, 1.0)
        value = self.between(0.08, 1.0)
        channels = (abs((hue * 6 + shift) % 6 - 3) - 1 for shift in (3, 1, 5))
        red, green, blue = (float(value * (1 - saturation + saturation * np.clip(c, 0, 1))) for c in channels)
        return red, green, blue

    def material(self, *, image_prob: float = 0.55, repeat: float | None = None) -> SurfaceMaterial:
        """Sample a surface material: with probability `image_prob` an image or a pattern, otherwise a plain colour.

        `repeat` is how often the image is repeated over the surface; None: random.
        """
        roughness = self.between(0.08, 0.35) if self.chance(0.25) else self.between(0.4, 1.0)
        metallic = self.between(0.6, 1.0) if self.chance(0.12) else 0.0
        if not self.chance(image_prob):
            return SurfaceMaterial(self.colour(), roughness=roughness, metallic=metallic)
        if self.chance(0.3):
            image = self.pattern()
        else:
            image = self.image(photo_prob=0.25)
        tint = self.colour() if self.chance(0.2) else (1.0, 1.0, 1.0)
        return SurfaceMaterial(tint, image, repeat or self.ratio(0.6, 4), roughness, metallic)

    def image(self, *, photo_prob: float, side: int = MAX_IMAGE_SIDE) -> np.ndarray:
        """Sample an image (h, w, 3) with sides of at most `side` pixels.

        It is a photograph with probability `photo_prob`, otherwise a texture; in 12 % of all draws, its colour channels
        are permuted.
        """
        kind = BACKGROUND if self.chance(photo_prob) or not self.assets.count(TEXTURE) else TEXTURE
        item = self.assets.pick(kind, self.rng)
        self.used.add((item.package, item.file))
        pixels = self.assets.read(item)
        scale = side / max(pixels.shape[:2])
        if scale < 1:
            pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        if self.chance(0.12):
            pixels = np.ascontiguousarray(pixels[..., self.rng.permutation(3)])
        return pixels

    def pattern(self) -> np.ndarray:
        """Make an image (64, 64, 3) of stripes, checks, dots or blots in two random colours."""
        first, second = np.array(self.colour()), np.array(self.colour())
        x, y = np.meshgrid(np.arange(64), np.arange(64))
        kind, period = (
            self.weighted_choice({"stripes": 1, "checks": 1, "dots": 1, "blots": 1}),
            int(self.rng.choice([16, 32, 64])),
        )
        if kind == "stripes":
            mask = (x if self.chance(0.5) else x + y) % period < period * self.between(0.2, 0.7)
        elif kind == "checks":
            mask = (x // (period // 2) + y // (period // 2)) % 2 == 0
        elif kind == "dots":
            mask = np.hypot(x % period - period / 2, y % period - period / 2) < period * self.between(0.15, 0.4)
        else:
            coarse = self.rng.random((8, 8)).astype(np.float32)
            mask = cv2.resize(coarse, (64, 64), interpolation=cv2.INTER_CUBIC) > 0.5
        return (255 * np.where(mask[..., None], first, second)).astype(np.uint8)
