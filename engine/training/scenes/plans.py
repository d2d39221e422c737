"""What a scene is before Blender hears of it: things, lamps, a camera, a sky, all as numbers over time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .shapes import Coat, Shape

WIDTH, HEIGHT = 448, 256  # pixels of a scene's pictures
MOST_OBJECTS = 4  # as many as there are channels in the picture that labels are rendered to
EVERY_HELD_OUT = 20


def is_held_out_scene(seed: int) -> bool:
    """Whether the scene of this seed is for validation only, and made of held-out assets only."""
    return seed % EVERY_HELD_OUT == 0


@dataclass(frozen=True)
class Thing:
    """A shape at a place. Its knots are one before the first frame, one on each frame, one after the last."""

    shape: Shape
    coats: tuple[Coat, ...]
    places: np.ndarray = field(default_factory=lambda: np.eye(4)[None])  # (1 or K, 4, 4)
    label: int = 0  # 0: background
    source: str = ""  # the asset's package and file; "" when it was made up
    kind: str = ""
    shadows: bool = True

    def at(self, knot: int) -> np.ndarray:
        """(V, 3) its points in the world at a knot."""
        points = self.shape.points[min(knot, len(self.shape.points) - 1)]
        place = self.places[min(knot, len(self.places) - 1)]
        return points @ place[:3, :3].T + place[:3, 3]


@dataclass(frozen=True)
class Lamp:
    """A light that shines along its own -z."""

    kind: str  # "SUN" or "AREA"
    places: np.ndarray  # (1 or K, 4, 4)
    strength: np.ndarray  # (1 or K,) W/m2 of a sun, W of an area
    colour: tuple[float, float, float]
    size: float  # radians of a sun, metres of an area


@dataclass(frozen=True)
class View:
    """The camera, which looks along its own -z with y up."""

    places: np.ndarray  # (K, 4, 4)
    lens: np.ndarray  # (K,) millimetres, on a sensor 36 wide
    focus: np.ndarray  # (K,) metres
    aperture: float  # f-number; 0: everything is sharp
    shutter: float  # part of the time from frame to frame; 0: no motion blur

    def project(self, points: np.ndarray, knot: int, aspect: float) -> np.ndarray:
        """(V, 3) x and y from 0 to 1 over the picture (y down), and the distance; behind the camera it is negative."""
        place = self.places[min(knot, len(self.places) - 1)]
        seen = (points - place[:3, 3]) @ place[:3, :3]
        distance = -seen[:, 2]
        far = np.where(np.abs(distance) < 1e-6, 1e-6, distance)
        scale = self.lens[min(knot, len(self.lens) - 1)] / 36
        return np.stack([0.5 + scale * seen[:, 0] / far, 0.5 - scale * aspect * seen[:, 1] / far, distance], axis=1)


@dataclass(frozen=True)
class Scene:
    """All of a scene."""

    things: tuple[Thing, ...]
    lamps: tuple[Lamp, ...]
    view: View
    sky: Coat
    sky_strength: np.ndarray  # (1 or K,)
    sky_turn: float  # radians
    brightness: float  # what the middle of the picture's grey values shall be, 0..1
    contrasty: bool  # a film-like curve instead of the plain one
    about: dict = field(default_factory=dict)
