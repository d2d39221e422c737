"""Films of small objects in large frames, with exact masks: what the object-following crop is measured on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

KINDS = "across", "fast", "scale", "leaves", "two", "alike"  # ways in which the objects of a film move
_LOBES = 7  # of an object's outline
_SUBPIXELS = 3  # per side of a pixel, of which its coverage is the mean


@dataclass(frozen=True)
class SmallFilm:
    """Film of one or two textured objects with thin spikes, which move over a textured ground."""

    kind: str  # of KINDS
    seed: int
    side: int = 100  # pixels across of an object
    size: tuple[int, int] = (2160, 3840)  # of a frame (H, W)
    count: int = 24  # frames

    def frames(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        """Yield each frame: the picture (H, W, 3) RGB and the labels (H, W), 0 where no object has half of a pixel."""
        ground = _texture(self.seed, self.size, (0.45, 0.5, 0.4))
        looks = [_texture(self.seed + 101 + number, (512, 512), (0.7, 0.35, 0.2)) for number in range(2)]
        for frame in range(self.count):
            picture, labels = ground.copy(), np.zeros(self.size, np.uint8)
            for number, (x, y, side, look) in enumerate(self._places(frame), 1):
                self._draw(picture, labels, number if number <= self.objects else 0, (x, y, side), looks[look], frame)
            grain = np.random.default_rng((self.seed, frame)).integers(-3, 4, self.size, np.int16)
            yield np.clip(picture + grain[..., None], 0, 255).astype(np.uint8), labels

    @property
    def objects(self) -> int:
        """Return the number of objects; a look-alike is none."""
        return 2 if self.kind == "two" else 1

    def _places(self, frame: int) -> list[tuple[float, float, float, int]]:
        """Return the centre, the size and the look of all that moves on a frame."""
        height, width = self.size
        random = np.random.default_rng(self.seed)
        part = frame / max(self.count - 1, 1)
        x, y = width * random.uniform(0.3, 0.5), height * random.uniform(0.35, 0.6)
        step = random.uniform(0.08, 0.2) * self.side * (self.count - 1)
        path = x + step * part, y + 0.4 * self.side * np.sin(5 * part + random.uniform(0, 6))
        if self.kind == "fast":  # up to its size per frame, to and fro
            turn = 2 * np.pi * part * self.count / 12
            return [(x + 1.5 * self.side * np.sin(turn), y + self.side * np.sin(1.5 * turn), self.side, 0)]
        if self.kind == "scale":
            return [(*path, self.side * (0.6 + 0.9 * part), 0)]
        if self.kind == "leaves":  # behind the left border and back again
            return [(self.side * (1 - 2.2 * np.sin(np.pi * min(max(2 * part - 0.5, 0), 1))), path[1], self.side, 0)]
        if self.kind == "two":
            return [(*path, self.side, 0), (0.85 * width - step * part, 0.2 * height, 1.2 * self.side, 1)]
        if self.kind == "alike":
            return [(*path, self.side, 0), (path[0] - 1.9 * self.side, y - 0.6 * self.side + step * part, self.side, 0)]
        return [(*path, self.side, 0)]

    def _draw(
        self,
        picture: NDArray[np.uint8],
        labels: NDArray[np.uint8],
        number: int,
        place: tuple[float, float, float],
        look: NDArray[np.uint8],
        frame: int,
    ) -> None:
        x, y, side = place
        reach = int(side)
        left, top = int(x) - reach, int(y) - reach
        right, bottom = left + 2 * reach, top + 2 * reach
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(right, self.size[1]), min(bottom, self.size[0])
        if x0 >= x1 or y0 >= y1:
            return
        fine = (np.arange(2 * reach * _SUBPIXELS) + 0.5) / _SUBPIXELS
        inside = _outline(fine[None] + left - x, fine[:, None] + top - y, side / 2, 0.02 * frame)
        alpha = cv2.resize(inside.astype(np.float32), (2 * reach, 2 * reach), interpolation=cv2.INTER_AREA)
        colour = cv2.resize(look, (2 * reach, 2 * reach), interpolation=cv2.INTER_AREA)
        part = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
        over = alpha[part][..., None]
        below = picture[y0:y1, x0:x1]
        picture[y0:y1, x0:x1] = np.rint(below + over * (colour[part].astype(np.float32) - below)).astype(np.uint8)
        owned = labels[y0:y1, x0:x1]
        owned[alpha[part] >= 0.5] = number


def _outline(x: NDArray[np.float64], y: NDArray[np.float64], radius: float, turn: float) -> NDArray[np.bool_]:
    """Return which points are in a body with lobes, two gaps and thin spikes."""
    angle, distance = np.arctan2(y, x) + turn, np.hypot(x, y) / radius
    body = distance < 0.62 + 0.13 * np.sin(_LOBES * angle)
    spikes = (np.abs(np.sin(5 * angle + 1)) < 0.1 / np.maximum(distance, 0.1)) & (distance < 1)
    gap = np.abs(distance - 0.38) < 0.05
    return (body | spikes) & ~(gap & (np.sin(2 * angle) > 0.3))


def _texture(seed: int, size: tuple[int, int], tint: tuple[float, float, float]) -> NDArray[np.uint8]:
    """Return a texture (H, W, 3) with detail at several scales."""
    random, total = np.random.default_rng(seed), np.zeros((*size, 3), np.float32)
    for cell in (4, 16, 64, 256):
        coarse = random.normal(0, 1, (size[0] // cell + 2, size[1] // cell + 2, 3)).astype(np.float32)
        total += cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC) * (0.4 if cell == 4 else 0.6)
    return np.clip(255 * (np.array(tint, np.float32) + 0.13 * total), 0, 255).astype(np.uint8)
