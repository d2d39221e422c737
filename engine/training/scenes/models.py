"""3D models that can be placed in a scene, and fur for them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .meshes import Mesh, SurfaceMaterial, joined, sample_surface, strands
from .scene_sampler import SceneSampler


@dataclass(frozen=True)
class Model3D:
    """Model to be placed in a scene: a mesh that faces x and stands on z = 0, materials, and the kind of motion."""

    mesh: Mesh
    materials: tuple[SurfaceMaterial, ...]
    motion: str  # walk, drive, roll, throw, fly, swim, tumble, hand (held in one) or stand
    source: str = ""  # package and file of the asset; "" if procedural
    kind: str = ""


def with_fur(sampler: SceneSampler, model: Model3D, *, length: float | None = None) -> Model3D:
    """Return the model with hair that grows from its surface and moves with it.

    `length` is that of the hair relative to the model's size; None: random.
    """
    size = np.linalg.norm(model.mesh.upper_corner - model.mesh.lower_corner)
    roots, normals, faces = sample_surface(sampler.rng, model.mesh, sampler.integer(1200, 3500))
    lean = sampler.rng.normal(0, 0.35, (1, len(faces), 3)) + np.array([-0.5, 0, -0.2]) * sampler.between(0, 1)
    relative = length or sampler.ratio(0.015, 0.07)
    lengths = relative * size * sampler.rng.uniform(0.6, 1.2, len(faces))[None, :, None]
    tips = roots + (normals + lean) * lengths
    hair = strands(roots, tips, np.full(len(faces), sampler.ratio(0.003, 0.008) * size), droop=sampler.between(0, 0.5))
    materials = list(model.materials)
    hair_materials = model.mesh.material_indices[faces]  # of the skin below, or one of its own
    if sampler.chance(0.4):
        materials.append(sampler.material(image_prob=0.2))
        hair_materials = np.full(len(faces), len(materials) - 1)
    hair = replace(hair, material_indices=np.repeat(hair_materials, len(hair.faces) // len(faces)))
    if len(materials) == len(model.materials):  # hair of the skin's material has the texture coordinates of its root
        root_uvs = model.mesh.uvs[faces].mean(axis=1)
        hair = replace(hair, uvs=np.repeat(root_uvs, len(hair.faces) // len(faces), axis=0)[:, None].repeat(3, axis=1))
    return replace(model, mesh=joined(model.mesh, hair), materials=tuple(materials))


def moved_along(mesh: Mesh, line: np.ndarray) -> Mesh:
    """Return the mesh, translated at each time step by the offsets `line` (K, 3)."""
    return replace(mesh, points=mesh.points + line[:, None])
