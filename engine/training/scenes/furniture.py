"""The furniture catalogue's meshes, as stiff things of a scene."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from ..assets import is_held_out
from ..prepare import SourceFile, find
from ..sources import find_source, unpacked
from ..turntables import read_surface
from .creatures import Being
from .scene_sampler import SceneSampler
from .shapes import Coat, Shape

PACKAGE = "sweethome3d-furniture"
TRIES = 60


class Furniture:
    """Reads meshes from the catalogue's archives."""

    def __init__(self, fetched: Path, *, held_out: bool) -> None:
        self._root = unpacked(fetched, PACKAGE)
        if not self._root.is_dir():
            raise FileNotFoundError(f"{PACKAGE} is not unpacked below {fetched}")
        self._held_out = held_out

    @cached_property
    def _found(self) -> list[SourceFile]:
        every = find(self._root, find_source(PACKAGE).takes[0])
        return [file for file in every if is_held_out(file.name) == self._held_out]

    def pick(self, sampler: SceneSampler) -> Being:
        """A random piece, a metre or so large, standing on the ground; at times repainted."""
        for _ in range(TRIES):
            file = self._found[sampler.rng.integers(len(self._found))]
            surface = read_surface(file.path, file.member)
            if surface is None:
                continue
            turned = surface.vertices @ np.array([[0, 0, 1.0], [-1, 0, 0], [0, 1, 0]]).T
            shape = Shape(turned[None], surface.faces, surface.coordinates, surface.materials, smooth=False)
            used = turned[np.unique(surface.faces)]
            shape = shape.moved(np.array([0, 0, -used[:, 2].min()])).scaled(0.7)
            repainted = sampler.chance(0.35)
            coats = tuple(
                sampler.coat()
                if repainted and sampler.chance(0.5)
                else Coat((1, 1, 1), picture, roughness=sampler.between(0.15, 0.9))
                for picture in surface.textures
            )
            gait = sampler.one_of({"stand": 3, "throw": 1, "hand": 2, "drive": 1})
            return Being(shape, coats, gait, f"{PACKAGE}: {file.name}", "furniture")
        raise LookupError(f"no usable piece of furniture in {TRIES} tries")
