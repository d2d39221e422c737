"""Convex parts with joints, and primitive meshes: building blocks of procedural solids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ConvexPart:
    """Convex mesh, usually attached to another part by a joint."""

    vertices: np.ndarray  # (V, 3) relative to the joint
    faces: np.ndarray  # (F, 3) int
    parent: int  # index of the part it is attached to; -1: none
    joint: tuple[float, float, float]  # position in the parent's space
    turn: tuple[float, float, float]  # rest rotation: radians about x, y, z
    swing: float  # amplitude of its rotation about the joint, radians
    material: int


class Assembly:
    """Solid under construction: its parts, in the order in which they were added."""

    def __init__(self, rng: np.random.Generator, *, materials: int) -> None:
        """Start without parts; `materials` is the number of materials, and larger material numbers wrap around."""
        self.rng = rng
        self.parts: list[ConvexPart] = []
        self._materials = materials

    def add(
        self,
        mesh: tuple[np.ndarray, np.ndarray],
        *,
        parent: int = -1,
        joint: tuple[float, float, float] = (0.0, 0.0, 0.0),
        turn: tuple[float, float, float] = (0.0, 0.0, 0.0),
        swing: float = 0.0,
        material: int = 0,
    ) -> int:
        """Add a mesh (vertices, faces) as a part joined to part `parent` (-1: none); return the new part's index."""
        self.parts.append(ConvexPart(*mesh, parent, joint, turn, swing, material % self._materials))
        return len(self.parts) - 1

    def between(self, low: float, high: float) -> float:
        """Draw uniformly from [low, high)."""
        return float(self.rng.uniform(low, high))


def box(width: float, height: float, depth: float) -> tuple[np.ndarray, np.ndarray]:
    """Return vertices and faces of a cuboid; its joint is the centre of its base."""
    corners = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (0, 1) for z in (-0.5, 0.5)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [face for a, b, c, d in quads for face in ((a, b, c), (a, c, d))]
    return corners * (width, height, depth), np.array(faces)


def column(radius: float, height: float, *, top: float = 1.0, sides: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Return vertices and faces of a cylinder or cone; its joint is the centre of its base.

    `top` is the ratio of the upper radius to the lower radius.
    """
    angles = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring = np.stack([np.cos(angles), np.zeros(sides), np.sin(angles)], 1) * radius
    points = np.concatenate([ring, ring * top + (0, height, 0), [[0, 0, 0], [0, height, 0]]])
    corner, following = np.arange(sides), (np.arange(sides) + 1) % sides
    low, high = np.full(sides, 2 * sides), np.full(sides, 2 * sides + 1)
    faces = [(corner, following, following + sides), (corner, following + sides, corner + sides)]
    faces += [(corner, following, low), (corner + sides, following + sides, high)]
    return points, np.concatenate([np.stack(columns, 1) for columns in faces])


def ball(width: float, height: float, depth: float) -> tuple[np.ndarray, np.ndarray]:
    """Return vertices and faces of an ellipsoid; its joint is its lowest point."""
    turns, levels = 10, 6
    around = np.linspace(0, 2 * np.pi, turns, endpoint=False)
    up = np.linspace(0, np.pi, levels + 1)
    points = np.stack(
        [
            np.outer(np.sin(up), np.cos(around)),
            np.outer(-np.cos(up), np.ones(turns)),
            np.outer(np.sin(up), np.sin(around)),
        ],
        axis=2,
    ).reshape(-1, 3)
    level, turn = (grid.ravel() for grid in np.meshgrid(np.arange(levels), np.arange(turns), indexing="ij"))
    a, b = level * turns + turn, level * turns + (turn + 1) % turns
    faces = np.concatenate([np.stack((a, b, b + turns), 1), np.stack((a, b + turns, a + turns), 1)])
    return (points + np.array((0.0, 1.0, 0.0))) * (width / 2, height / 2, depth / 2), faces
