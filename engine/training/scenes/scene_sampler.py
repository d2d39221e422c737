"""What all makers of a scene share: random draws, its moments, and coats of paint from the prepared pictures."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from ..assets import Assets
from ..random_sampler import RandomSampler
from ..sources import BACKGROUND, TEXTURE
from .shapes import Coat

LARGEST_PICTURE = 320  # pixels; a larger one costs time and shows no more


@dataclass(frozen=True)
class SceneSampler(RandomSampler):
    """Draws random numbers, colours and coats for a scene, and holds the times (K,) at which it is sampled."""

    rng: np.random.Generator
    seconds: np.ndarray  # (K,)
    assets: Assets
    used: set[tuple[str, str]] = field(default_factory=set)  # packages and files of the assets that were used
    train_only_rng: np.random.Generator | None = None  # None in held-out scenes: they stay as they were

    def train_only_chance(self, probability: float) -> bool:
        """Return True with that probability; never in a held-out scene."""
        return self.train_only_rng is not None and bool(self.train_only_rng.random() < probability)

    def whole(self, low: int, high: int) -> int:
        """A whole number between two, both included."""
        return int(self.rng.integers(low, high + 1))

    def sign(self) -> float:
        """-1 or 1."""
        return 1.0 if self.rng.random() < 0.5 else -1.0

    def one_of(self, odds: dict[str, float]) -> str:
        """A name, by odds."""
        values = np.array(list(odds.values()))
        return list(odds)[self.rng.choice(len(values), p=values / values.sum())]

    def wave(self, rate: float, reach: float = 1.0) -> np.ndarray:
        """(K,) a sine of about `rate` turns a second that begins anywhere."""
        rate = rate * self.between(0.75, 1.3)
        return reach * np.sin(2 * np.pi * (rate * self.seconds + self.rng.random()))

    def wander(self, reach: float, pace: float) -> np.ndarray:
        """(K,) a smooth random curve that stays within about `reach`; `pace` in turns a second."""
        return sum(self.wave(pace * factor, reach / factor**0.7) for factor in (0.6, 1.0, 1.7, 2.9)) / 2

    def colour(self) -> tuple[float, float, float]:
        """Any colour: often dull, at times bright, black or white."""
        hue, kind = self.rng.random(), self.rng.random()
        full = self.between(0.0, 0.35) if kind < 0.5 else self.between(0.4, 1.0)
        value = self.between(0.08, 1.0)
        red, green, blue = (abs((hue * 6 + shift) % 6 - 3) - 1 for shift in (3, 1, 5))
        return tuple(float(value * (1 - full + full * np.clip(c, 0, 1))) for c in (red, green, blue))

    def coat(self, *, pictures: float = 0.55, repeat: float | None = None) -> Coat:
        """Any coat: plain, patterned, or a picture."""
        rough = self.between(0.08, 0.35) if self.chance(0.25) else self.between(0.4, 1.0)
        metal = self.between(0.6, 1.0) if self.chance(0.12) else 0.0
        if not self.chance(pictures):
            return Coat(self.colour(), roughness=rough, metallic=metal)
        if self.chance(0.3):
            picture = self.pattern()
        else:
            picture = self.picture(photographs=0.25)
        tint = self.colour() if self.chance(0.2) else (1.0, 1.0, 1.0)
        return Coat(tint, picture, repeat or self.ratio(0.6, 4), rough, metal)

    def picture(self, *, photographs: float, side: int = LARGEST_PICTURE) -> np.ndarray:
        """(h, w, 3) a photograph, with that probability, or else a texture; at times in other colours."""
        kind = BACKGROUND if self.chance(photographs) or not self.assets.count(TEXTURE) else TEXTURE
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
        """(64, 64, 3) stripes, checks, dots or blots of two colours."""
        first, second = np.array(self.colour()), np.array(self.colour())
        x, y = np.meshgrid(np.arange(64), np.arange(64))
        kind, period = (
            self.one_of({"stripes": 1, "checks": 1, "dots": 1, "blots": 1}),
            int(self.rng.choice([16, 32, 64])),
        )
        if kind == "stripes":
            where = (x if self.chance(0.5) else x + y) % period < period * self.between(0.2, 0.7)
        elif kind == "checks":
            where = (x // (period // 2) + y // (period // 2)) % 2 == 0
        elif kind == "dots":
            where = np.hypot(x % period - period / 2, y % period - period / 2) < period * self.between(0.15, 0.4)
        else:
            coarse = self.rng.random((8, 8)).astype(np.float32)
            where = cv2.resize(coarse, (64, 64), interpolation=cv2.INTER_CUBIC) > 0.5
        return np.uint8(255 * np.where(where[..., None], first, second))
