"""What things of a scene are made of: triangles whose corners may move from knot to knot, and coats of paint."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np


@dataclass(frozen=True)
class Coat:
    """How a part of a surface looks."""

    colour: tuple[float, float, float] = (0.6, 0.6, 0.6)  # sRGB 0..1; multiplies the picture
    picture: np.ndarray | None = field(default=None, repr=False)  # (H, W, 3 or 4) uint8; alpha below 128: holes
    repeat: float = 1.0  # how often the picture lies along a unit of the coordinates
    roughness: float = 0.7
    metallic: float = 0.0
    lit: bool = True  # False: no lamp lights it, its colours are given off as they are, `glow` times as bright
    glow: float = 1.0


@dataclass(frozen=True)
class Shape:
    """A mesh of triangles in metres, z up, x ahead."""

    points: np.ndarray  # (K, V, 3); K: 1, or one for every knot of the scene
    faces: np.ndarray  # (F, 3) int
    places: np.ndarray  # (F, 3, 2) texture coordinates, v up
    coats: np.ndarray  # (F,) int: which coat
    smooth: bool = True

    @property
    def low(self) -> np.ndarray:
        """(3,) the least corner of the box around all that it ever is."""
        return self.points.min(axis=(0, 1))

    @property
    def high(self) -> np.ndarray:
        """(3,) the greatest corner of that box."""
        return self.points.max(axis=(0, 1))

    def scaled(self, factor: float | np.ndarray) -> Shape:
        """Larger or smaller, by one factor or by three."""
        return replace(self, points=self.points * factor)

    def moved(self, offset: np.ndarray) -> Shape:
        """Elsewhere."""
        return replace(self, points=self.points + offset)

    def turned(self, matrix: np.ndarray) -> Shape:
        """Turned by a (3, 3) matrix."""
        return replace(self, points=self.points @ matrix.T)

    def painted(self, coat: int) -> Shape:
        """All of it in one coat."""
        return replace(self, coats=np.full(len(self.faces), coat))


def joined(*shapes: Shape) -> Shape:
    """Several shapes as one; those that do not move stand still beside those that do."""
    knots = max(len(shape.points) for shape in shapes)
    points = [np.broadcast_to(shape.points, (knots, *shape.points.shape[1:])) for shape in shapes]
    starts = np.cumsum([0, *(shape.points.shape[1] for shape in shapes[:-1])])
    return Shape(
        np.concatenate(points, axis=1),
        np.concatenate([shape.faces + start for shape, start in zip(shapes, starts)]),
        np.concatenate([shape.places for shape in shapes]),
        np.concatenate([shape.coats for shape in shapes]),
        smooth=shapes[0].smooth,
    )


def sheet(points: np.ndarray, *, across: bool = False, coat: int = 0, smooth: bool = True) -> Shape:
    """A net of (K, R, C, 3) points; `across` joins its last column with the first, as a tube has it."""
    rows, columns = points.shape[1:3]
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(columns if across else columns - 1), indexing="ij")
    row, column = row.ravel(), column.ravel()
    after = (column + 1) % columns
    corners = np.stack([row * columns + column, row * columns + after, (row + 1) * columns + after], 1)
    others = np.stack([row * columns + column, (row + 1) * columns + after, (row + 1) * columns + column], 1)
    wide, high = columns - (not across), rows - 1
    u, v = column / wide, row / high
    du, dv = 1 / wide, 1 / high
    first = np.stack([np.stack([u, v], 1), np.stack([u + du, v], 1), np.stack([u + du, v + dv], 1)], 1)
    second = np.stack([np.stack([u, v], 1), np.stack([u + du, v + dv], 1), np.stack([u, v + dv], 1)], 1)
    faces = np.concatenate([corners, others])
    return Shape(
        points.reshape(len(points), -1, 3),
        faces,
        np.concatenate([first, second]),
        np.full(len(faces), coat),
        smooth=smooth,
    )


def tube(line: np.ndarray, radii: np.ndarray, *, sides: int = 8, coat: int = 0, flat: float = 1.0) -> Shape:
    """A pipe along (K, R, 3) points with radii (R,) or (K, R); `flat` squeezes it sideways. Its ends are closed."""
    along = np.gradient(line, axis=1)
    along /= np.linalg.norm(along, axis=2, keepdims=True) + 1e-9
    up = np.where(np.abs(along[..., 2:]) > 0.9, np.array([1.0, 0, 0]), np.array([0, 0, 1.0]))
    aside = np.cross(up, along)
    aside /= np.linalg.norm(aside, axis=2, keepdims=True) + 1e-9
    above = np.cross(along, aside)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    radii = np.broadcast_to(radii, line.shape[:2])[..., None, None]
    ring = flat * np.cos(angle)[:, None] * aside[:, :, None] + np.sin(angle)[:, None] * above[:, :, None]
    points = line[:, :, None] + radii * ring
    ends = [np.broadcast_to(line[:, [at], None], points[:, :1].shape) for at in (0, -1)]
    return sheet(np.concatenate([ends[0], points, ends[1]], axis=1), across=True, coat=coat)


def ball(radius: float = 1.0, *, rows: int = 12, columns: int = 18, coat: int = 0) -> Shape:
    """A sphere around the origin."""
    polar, around = np.linspace(0, np.pi, rows), np.linspace(0, 2 * np.pi, columns, endpoint=False)
    ring = np.stack(np.broadcast_arrays(np.cos(around), np.sin(around), 0 * around), 1)
    points = np.sin(polar)[:, None, None] * ring + np.cos(polar)[:, None, None] * np.array([0, 0, -1.0])
    return sheet(radius * points[None], across=True, coat=coat)


def box(size: np.ndarray, *, coat: int = 0) -> Shape:
    """A box with sides (3,), standing on the ground over the origin."""
    sides = []
    for axis in range(3):
        for end in (-0.5, 0.5):
            u, v = [other for other in range(3) if other != axis]
            corner = np.zeros((1, 2, 2, 3))
            corner[..., axis] = end
            corner[..., u] = np.array([[-0.5, 0.5], [-0.5, 0.5]])
            corner[..., v] = np.array([[-0.5, -0.5], [0.5, 0.5]])
            sides.append(sheet(corner, coat=coat, smooth=False))
    return joined(*sides).moved(np.array([0, 0, 0.5])).scaled(np.asarray(size))


def strands(
    roots: np.ndarray, tips: np.ndarray, widths: np.ndarray, *, droop: float = 0.0, steps: int = 3, coat: int = 0
) -> Shape:
    """Hairs, blades of grass: ribbons from (K, N, 3) to (K, N, 3), narrowing, `droop` of their length bent down."""
    knots, count = roots.shape[:2]
    along = tips - roots
    aside = np.cross(along[:1], np.random.default_rng(5).normal(size=(1, count, 3)))
    aside *= (widths / 2)[None, :, None] / (np.linalg.norm(aside, axis=2, keepdims=True) + 1e-9)
    length = np.linalg.norm(along, axis=2, keepdims=True)
    points = np.empty((knots, count, steps + 1, 2, 3))
    for step in range(steps + 1):
        part = step / steps
        middle = roots + along * part - length * np.array([0, 0, droop * part**2])
        points[:, :, step, 0] = middle - aside * (1 - 0.9 * part)
        points[:, :, step, 1] = middle + aside * (1 - 0.9 * part)
    one = np.array([[2 * s + a for a in corner] for s in range(steps) for corner in ((0, 1, 3), (0, 3, 2))])
    faces = (one[None] + (np.arange(count) * 2 * (steps + 1))[:, None, None]).reshape(-1, 3)
    rows = (faces % (2 * (steps + 1))) // 2 / steps
    places = np.stack([(faces // (2 * (steps + 1))) / count, rows], axis=2)
    return Shape(points.reshape(knots, -1, 3), faces, places, np.full(len(faces), coat))


def scattered(rng: np.random.Generator, shape: Shape, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spots spread over a shape's surface: points (K, N, 3), unit normals (K, N, 3), and their faces (N,)."""
    corners = shape.points[:, shape.faces]  # (K, F, 3, 3)
    normals = np.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
    areas = np.linalg.norm(normals[0], axis=1)
    chosen = rng.choice(len(areas), count, p=areas / areas.sum())
    weights = rng.dirichlet(np.ones(3), count)
    spots = np.einsum("kncx,nc->knx", corners[:, chosen], weights)
    normals = normals[:, chosen]
    return spots, normals / (np.linalg.norm(normals, axis=2, keepdims=True) + 1e-12), chosen
