"""Triangle meshes of scene objects, static or deforming over time, and their surface materials."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np


@dataclass(frozen=True)
class SurfaceMaterial:
    """Appearance of a part of a surface."""

    colour: tuple[float, float, float] = (0.6, 0.6, 0.6)  # sRGB 0..1; multiplies the image
    image: np.ndarray | None = field(default=None, repr=False)  # (H, W, 3 or 4) uint8; alpha below 128: holes
    repeat: float = 1.0  # how often the image is tiled per unit of the texture coordinates
    roughness: float = 0.7
    metallic: float = 0.0
    lit: bool = True  # False: emits its colours with `emission_strength` and is not lit
    emission_strength: float = 1.0


@dataclass(frozen=True)
class Mesh:
    """Triangle mesh in metres, z up, x forward."""

    points: np.ndarray  # (1 or K, V, 3); K: time steps of the scene
    faces: np.ndarray  # (F, 3) int
    uvs: np.ndarray  # (F, 3, 2) texture coordinates, v up
    material_indices: np.ndarray  # (F,) int, into the materials of the object
    smooth: bool = True

    @property
    def lower_corner(self) -> np.ndarray:
        """Return the minimum corner (3,) of the bounding box over all time steps."""
        return self.points.min(axis=(0, 1))

    @property
    def upper_corner(self) -> np.ndarray:
        """Return the maximum corner (3,) of the bounding box over all time steps."""
        return self.points.max(axis=(0, 1))

    def scaled(self, factor: float | np.ndarray) -> Mesh:
        """Return the mesh scaled by one factor, or by one per axis (3,)."""
        return replace(self, points=self.points * factor)

    def translated(self, offset: np.ndarray) -> Mesh:
        """Return the mesh translated by `offset` (3,)."""
        return replace(self, points=self.points + offset)

    def rotated(self, matrix: np.ndarray) -> Mesh:
        """Return the mesh rotated by a matrix (3, 3)."""
        return replace(self, points=self.points @ matrix.T)

    def with_material(self, index: int) -> Mesh:
        """Return the mesh with the material number `index` on every face."""
        return replace(self, material_indices=np.full(len(self.faces), index))


def joined(*meshes: Mesh) -> Mesh:
    """Join meshes into one; static meshes are repeated over the time steps of deforming ones."""
    steps = max(len(mesh.points) for mesh in meshes)
    points = [np.broadcast_to(mesh.points, (steps, *mesh.points.shape[1:])) for mesh in meshes]
    starts = np.cumsum([0, *(mesh.points.shape[1] for mesh in meshes[:-1])])
    return Mesh(
        np.concatenate(points, axis=1),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts)]),
        np.concatenate([mesh.uvs for mesh in meshes]),
        np.concatenate([mesh.material_indices for mesh in meshes]),
        smooth=meshes[0].smooth,
    )


def grid(points: np.ndarray, *, closed: bool = False, material: int = 0, smooth: bool = True) -> Mesh:
    """Return the surface through R rows and C columns of points (K, R, C, 3); `closed` joins last and first column."""
    rows, columns = points.shape[1:3]
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij")
    row, column = row.ravel(), column.ravel()
    after = (column + 1) % columns
    lower = np.stack([row * columns + column, row * columns + after, (row + 1) * columns + after], 1)
    upper = np.stack([row * columns + column, (row + 1) * columns + after, (row + 1) * columns + column], 1)
    width, height = columns - (not closed), rows - 1
    u, v = column / width, row / height
    du, dv = 1 / width, 1 / height
    first = np.stack([np.stack([u, v], 1), np.stack([u + du, v], 1), np.stack([u + du, v + dv], 1)], 1)
    second = np.stack([np.stack([u, v], 1), np.stack([u + du, v + dv], 1), np.stack([u, v + dv], 1)], 1)
    faces = np.concatenate([lower, upper])
    return Mesh(
        points.reshape(len(points), -1, 3),
        faces,
        np.concatenate([first, second]),
        np.full(len(faces), material),
        smooth=smooth,
    )


def tube(line: np.ndarray, radii: np.ndarray, *, sides: int = 8, material: int = 0, flatten: float = 1.0) -> Mesh:
    """Return a capped tube along R points (K, R, 3) with radii (R,) or (K, R); `flatten` scales its width."""
    along = np.gradient(line, axis=1)
    along /= np.linalg.norm(along, axis=2, keepdims=True) + 1e-9
    up = np.where(np.abs(along[..., 2:]) > 0.9, np.array([1.0, 0, 0]), np.array([0, 0, 1.0]))
    sideways = np.cross(up, along)
    sideways /= np.linalg.norm(sideways, axis=2, keepdims=True) + 1e-9
    above = np.cross(along, sideways)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    radii = np.broadcast_to(radii, line.shape[:2])[..., None, None]
    ring = flatten * np.cos(angle)[:, None] * sideways[:, :, None] + np.sin(angle)[:, None] * above[:, :, None]
    points = line[:, :, None] + radii * ring
    ends = [np.broadcast_to(line[:, [index], None], points[:, :1].shape) for index in (0, -1)]
    return grid(np.concatenate([ends[0], points, ends[1]], axis=1), closed=True, material=material)


def sphere(radius: float = 1.0, *, rows: int = 12, columns: int = 18, material: int = 0) -> Mesh:
    """Return a UV sphere around the origin."""
    polar, around = np.linspace(0, np.pi, rows), np.linspace(0, 2 * np.pi, columns, endpoint=False)
    ring = np.stack(np.broadcast_arrays(np.cos(around), np.sin(around), 0 * around), 1)
    points = np.sin(polar)[:, None, None] * ring + np.cos(polar)[:, None, None] * np.array([0, 0, -1.0])
    return grid(radius * points[None], closed=True, material=material)


def box(size: np.ndarray, *, material: int = 0) -> Mesh:
    """Return a box with side lengths `size` (3,); the centre of its base is the origin."""
    sides = []
    for axis in range(3):
        for end in (-0.5, 0.5):
            u, v = [other for other in range(3) if other != axis]
            corner = np.zeros((1, 2, 2, 3))
            corner[..., axis] = end
            corner[..., u] = np.array([[-0.5, 0.5], [-0.5, 0.5]])
            corner[..., v] = np.array([[-0.5, -0.5], [0.5, 0.5]])
            sides.append(grid(corner, material=material, smooth=False))
    return joined(*sides).translated(np.array([0, 0, 0.5])).scaled(np.asarray(size))


def strands(
    roots: np.ndarray, tips: np.ndarray, widths: np.ndarray, *, droop: float = 0.0, segments: int = 3, material: int = 0
) -> Mesh:
    """Return hair or grass: ribbons that taper from `roots` (K, N, 3) to `tips` (K, N, 3).

    `widths` (N,) are the widths in metres at the roots; the tips hang down by `droop` times the length.
    """
    steps, count = roots.shape[:2]
    along = tips - roots
    sideways = np.cross(along[:1], np.random.default_rng(5).normal(size=(1, count, 3)))
    sideways *= (widths / 2)[None, :, None] / (np.linalg.norm(sideways, axis=2, keepdims=True) + 1e-9)
    length = np.linalg.norm(along, axis=2, keepdims=True)
    points = np.empty((steps, count, segments + 1, 2, 3))
    for segment in range(segments + 1):
        fraction = segment / segments
        centre = roots + along * fraction - length * np.array([0, 0, droop * fraction**2])
        points[:, :, segment, 0] = centre - sideways * (1 - 0.9 * fraction)
        points[:, :, segment, 1] = centre + sideways * (1 - 0.9 * fraction)
    strand_faces = np.array([[2 * s + a for a in corner] for s in range(segments) for corner in ((0, 1, 3), (0, 3, 2))])
    faces = (strand_faces[None] + (np.arange(count) * 2 * (segments + 1))[:, None, None]).reshape(-1, 3)
    rows = (faces % (2 * (segments + 1))) // 2 / segments
    uvs = np.stack([(faces // (2 * (segments + 1))) / count, rows], axis=2)
    return Mesh(points.reshape(steps, -1, 3), faces, uvs, np.full(len(faces), material))


def sample_surface(rng: np.random.Generator, mesh: Mesh, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sample N = `count` random points on a mesh: positions (K, N, 3), unit normals (K, N, 3), face indices (N,)."""
    lower = mesh.points[:, mesh.faces]  # (K, F, 3, 3)
    normals = np.cross(lower[:, :, 1] - lower[:, :, 0], lower[:, :, 2] - lower[:, :, 0])
    areas = np.linalg.norm(normals[0], axis=1)
    chosen = rng.choice(len(areas), count, p=areas / areas.sum())
    weights = rng.dirichlet(np.ones(3), count)
    points = np.einsum("kncx,nc->knx", lower[:, chosen], weights)
    normals = normals[:, chosen]
    return points, normals / (np.linalg.norm(normals, axis=2, keepdims=True) + 1e-12), chosen
