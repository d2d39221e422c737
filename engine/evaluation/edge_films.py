"""Films with exact alpha, rendered from a seed: hair, fur, thin parts, motion blur, defocus, veils and camouflage.

There are two sets with different seeds and textures: parameters are chosen on one, and reported on the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from ..media.frames import FrameReader
from .edge_objects import OBJECTS, Canvas
from .edge_textures import TEXTURES
from .parts import BUNDLED

CALIBRATION, STUDY = "calibration", "study"
FRAMES = 16
SIZE = 1080, 1920
_WINDOW = 900, 1300  # of a frame, in which the object is drawn
_NOISE = 1.5 / 255  # of the sensor
_PAN = 0.6  # pixels a frame, of the background
_GAMMA = 2.2
_STRENGTH = 0.75  # how far the colours of an object in camouflage are those of the background


@dataclass(frozen=True)
class EdgeFilm:
    """Film of one object with exact alpha."""

    name: str
    object: str  # a name of OBJECTS
    behind: str  # a name of TEXTURES, or "photograph"
    textured: str  # a name of TEXTURES, of the object
    seed: int
    shutter: float = 0.0  # fraction of a frame for which the shutter is open
    defocus: float = 0.0  # radius of the disc that a point of the object becomes, pixels
    camouflaged: bool = False
    linear: bool = False  # whether light is mixed as in a camera; otherwise encoded values are mixed
    frames: int = FRAMES
    size: tuple[int, int] = SIZE

    def frame(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a picture (H, W, 3) uint8 RGB and the alpha of its object (H, W) float32 0..1."""
        count = max(round(24 * self.shutter), 1)
        times = index + self.shutter * ((np.arange(count) + 0.5) / count - 0.5)
        drawn = [self._drawn(float(time)) for time in times]
        premultiplied = np.mean([colours for colours, _ in drawn], axis=0)
        alpha = np.mean([cover for _, cover in drawn], axis=0)
        if self.defocus:
            disc = _disc(self.defocus * (1 + 0.3 * np.sin(index / 3)))
            premultiplied, alpha = (cv2.filter2D(each, -1, disc) for each in (premultiplied, alpha))
        shift = np.array([[1, 0, -_PAN * index], [0, 1, -0.3 * _PAN * index]])
        size = self.size[::-1]
        picture = cv2.warpAffine(self._background, shift, size, borderMode=cv2.BORDER_REFLECT)
        whole = np.zeros(self.size, np.float32)
        place = self._window
        whole[place] = alpha
        picture[place] = premultiplied + (1 - alpha[..., None]) * picture[place]
        if self.linear:
            picture = np.clip(picture, 0, 1) ** (1 / _GAMMA)
        noise = np.random.default_rng((self.seed, index)).normal(0, _NOISE, picture.shape)
        return np.clip(np.rint((picture + noise) * 255), 0, 255).astype(np.uint8), np.clip(whole, 0, 1)

    @property
    def _window(self) -> tuple[slice, slice]:
        sides = [min(window, length) for window, length in zip(_WINDOW, self.size)]
        starts = [(length - side) // 2 for length, side in zip(self.size, sides)]
        return slice(starts[0], starts[0] + sides[0]), slice(starts[1], starts[1] + sides[1])

    def _drawn(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        canvas = Canvas((self._window[0].stop - self._window[0].start, self._window[1].stop - self._window[1].start))
        OBJECTS[self.object](canvas, np.random.default_rng(self.seed), self._surface, time)
        return canvas.averaged()

    @cached_property
    def _colours(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the colours (C, 3) of the background and of the object."""
        rng = np.random.default_rng((self.seed, 1))
        behind, front = rng.uniform(0.15, 0.85, (4, 3)), rng.uniform(0.15, 0.85, (4, 3))
        if self.camouflaged:
            front = _STRENGTH * behind + (1 - _STRENGTH) * front
        return behind, front

    @cached_property
    def _background(self) -> np.ndarray:
        rng = np.random.default_rng((self.seed, 2))
        if self.behind == "photograph":
            return self._light(_photograph(self.seed, self.size))
        return self._light(TEXTURES[self.behind](rng, self.size, self._colours[0]))

    @cached_property
    def _surface(self) -> np.ndarray:
        rng = np.random.default_rng((self.seed, 3))
        return self._light(TEXTURES[self.textured](rng, _WINDOW, self._colours[1]))

    def _light(self, colours: np.ndarray) -> np.ndarray:
        return (np.clip(colours, 0, 1) ** (_GAMMA if self.linear else 1)).astype(np.float32)


def _disc(radius: float) -> np.ndarray:
    reach = int(np.ceil(radius))
    across = np.arange(-reach, reach + 1)
    disc = np.clip(radius + 0.5 - np.hypot(across[:, None], across[None]), 0, 1).astype(np.float32)
    return disc / disc.sum()


def _photograph(seed: int, size: tuple[int, int]) -> np.ndarray:
    """Return a frame of the clip `chair`, enlarged, as a background."""
    with FrameReader.open(Path(BUNDLED) / "frames") as reader:
        picture = reader.read(seed % reader.clip.frame_count)
    larger = cv2.resize(picture, size[::-1], interpolation=cv2.INTER_CUBIC)
    return larger.astype(np.float32) / 255


def edge_films(which: str) -> list[EdgeFilm]:
    """Return the films to choose parameters on (CALIBRATION), or those to report (STUDY)."""
    if which == CALIBRATION:
        return [
            EdgeFilm("hair", "hair", "clutter", "clouds", 101, linear=True),
            EdgeFilm("hair before a pattern", "hair", "checks", "clouds", 111),
            EdgeFilm("fur", "fur", "clouds", "clouds", 102),
            EdgeFilm("thin parts", "wheel", "clutter", "clouds", 103),
            EdgeFilm("motion blur", "toy", "clutter", "checks", 104, shutter=0.5, linear=True),
            EdgeFilm("defocus", "mug", "clouds", "checks", 105, defocus=7, linear=True),
            EdgeFilm("veil", "veil", "clutter", "clouds", 106),
            EdgeFilm("camouflage", "mug", "clouds", "clouds", 107, camouflaged=True),
            EdgeFilm("camouflage in clutter", "mug", "clutter", "clutter", 121, camouflaged=True),
            EdgeFilm("defocus before a pattern", "mug", "checks", "clutter", 122, defocus=8, linear=True),
        ]
    return [
        EdgeFilm("hair", "hair", "photograph", "cells", 201, linear=True),
        EdgeFilm("hair in motion", "hair", "strokes", "cells", 202, shutter=0.5, linear=True),
        EdgeFilm("fur in camouflage", "fur", "strokes", "strokes", 203, camouflaged=True),
        EdgeFilm("thin parts", "wheel", "cells", "strokes", 204),
        EdgeFilm("motion blur", "toy", "photograph", "cells", 205, shutter=0.5, linear=True),
        EdgeFilm("defocus", "mug", "cells", "strokes", 206, defocus=9, linear=True),
        EdgeFilm("veil", "veil", "strokes", "cells", 207),
        EdgeFilm("camouflage", "mug", "cells", "cells", 208, camouflaged=True),
    ]
