"""Static furniture models from the catalogue of Sweet Home 3D."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from ..assets import is_held_out
from ..prepare import SourceFile, find_files
from ..sources import find_source, unpacked
from ..turntables import read_surface
from .meshes import Mesh, SurfaceMaterial
from .models import Model3D
from .scene_sampler import SceneSampler

PACKAGE = "sweethome3d-furniture"
MAX_TRIES = 60


class Furniture:
    """Reader of furniture meshes from the catalogue of Sweet Home 3D.

    Raises FileNotFoundError if the catalogue is not unpacked below `fetched`.
    """

    def __init__(self, fetched: Path, *, held_out: bool) -> None:
        self._root = unpacked(fetched, PACKAGE)
        if not self._root.is_dir():
            raise FileNotFoundError(f"{PACKAGE} is not unpacked below {fetched}")
        self._held_out = held_out

    @cached_property
    def _files(self) -> list[SourceFile]:
        files = find_files(self._root, find_source(PACKAGE).selections[0])
        return [file for file in files if is_held_out(file.name) == self._held_out]

    def sample_model(self, sampler: SceneSampler) -> Model3D:
        """Sample a piece of furniture that stands on the ground and is at most 1.4 m in size.

        In some draws, some of its materials are replaced. Raises LookupError if no usable piece is found.
        """
        for _ in range(MAX_TRIES):
            file = self._files[sampler.rng.integers(len(self._files))]
            surface = read_surface(file.path, file.member)
            if surface is None:
                continue
            rotated = surface.vertices @ np.array([[0, 0, 1.0], [-1, 0, 0], [0, 1, 0]]).T
            mesh = Mesh(rotated[None], surface.faces, surface.coordinates, surface.materials, smooth=False)
            used = rotated[np.unique(surface.faces)]
            mesh = mesh.translated(np.array([0, 0, -used[:, 2].min()])).scaled(0.7)
            repainted = sampler.chance(0.35)
            materials = tuple(
                sampler.material()
                if repainted and sampler.chance(0.5)
                else SurfaceMaterial((1, 1, 1), image, roughness=sampler.between(0.15, 0.9))
                for image in surface.textures
            )
            motion = sampler.weighted_choice({"stand": 3, "throw": 1, "hand": 2, "drive": 1})
            return Model3D(mesh, materials, motion, f"{PACKAGE}: {file.name}", "furniture")
        raise LookupError(f"no usable piece of furniture in {MAX_TRIES} tries")
