"""Pictures of procedural solids that turn and whose parts move."""

from __future__ import annotations

import cv2
import numpy as np

from .designs import DESIGNS
from .motion import random_signal
from .primitives import Assembly, ConvexPart
from .raster import Light, Surface, render

TEXTURE_SIDE = 64


def solid_pictures(
    rng: np.random.Generator, times: np.ndarray, *, extent: float, fillings: list[np.ndarray]
) -> list[np.ndarray]:
    """Render a random solid, `extent` pixels large, that turns and moves over time: T pictures RGBA (side, side, 4).

    Some textures are cropped from the RGB pictures `fillings`; the others are plain or patterned.
    """
    textures = _textures(rng, fillings)
    assembly = Assembly(rng, materials=len(textures))
    DESIGNS[rng.integers(len(DESIGNS))](assembly)
    parts = assembly.parts
    pace = np.exp(rng.normal(0, 0.8))
    yaw = rng.uniform(0, 2 * np.pi) + random_signal(rng, times, reach=rng.uniform(0.3, 3), speed=0.07 * pace)
    pitch = rng.normal(0.25, 0.25) + random_signal(rng, times, reach=0.4, speed=0.02 * pace)
    roll = rng.normal(0, 0.1) + random_signal(rng, times, reach=0.3, speed=0.02 * pace)
    swings = np.stack([random_signal(rng, times, reach=1.0, speed=0.12 * pace) for _ in parts], 1)  # (T, parts)
    turns = np.stack([_rotation(*angles) for angles in zip(pitch, yaw, roll)])
    light = Light(_unit(rng.normal((0, 0.7, 0.7), 0.4)), ambient=float(rng.uniform(0.3, 0.6)))
    distance = float(rng.uniform(2.2, 6.0))
    poses = [_pose(parts, swings[frame]) for frame in range(len(times))]
    vertices = np.concatenate(poses)
    middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    radius = np.linalg.norm(vertices - middle, axis=1).max()
    side = int(np.clip(extent * 1.25, 24, 300))
    return [
        render(_surface(parts, (pose - middle) / radius, textures), turn, light, side=side, distance=distance)
        for pose, turn in zip(poses, turns)
    ]


def _pose(parts: list[ConvexPart], swings: np.ndarray) -> np.ndarray:
    """Return all vertices (V, 3); each part is rotated about its joint by its amplitude times `swings` (parts,)."""
    turns: list[np.ndarray] = []
    places: list[np.ndarray] = []
    vertices = []
    for part, swing in zip(parts, swings):
        x, y, z = part.turn
        turn = _rotation(x + swing * part.swing, y, z + 0.4 * swing * part.swing)
        place = np.array(part.joint)
        if part.parent >= 0:
            place = turns[part.parent] @ place + places[part.parent]
            turn = turns[part.parent] @ turn
        turns.append(turn)
        places.append(place)
        vertices.append(part.vertices @ turn.T + place)
    return np.concatenate(vertices)


def _surface(parts: list[ConvexPart], vertices: np.ndarray, textures: np.ndarray) -> Surface:
    """Make a surface of posed vertices (V, 3); textures are projected onto each face along its main axis at rest."""
    starts = np.cumsum([0] + [len(part.vertices) for part in parts])
    faces = np.concatenate([part.faces + start for part, start in zip(parts, starts)])
    at_rest = np.concatenate([part.vertices for part in parts])  # so that textures stick to the parts as they move
    corners = at_rest[faces]
    normals = np.abs(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    axes = np.array([[1, 2], [0, 2], [0, 1]])[normals.argmax(axis=1)]
    coordinates = np.take_along_axis(corners, axes[:, None, :].repeat(3, axis=1), axis=2) * 1.3
    materials = np.concatenate([np.full(len(part.faces), part.material) for part in parts])
    return Surface(vertices, faces, coordinates, materials, textures)


def _textures(rng: np.random.Generator, fillings: list[np.ndarray]) -> np.ndarray:
    """Make textures (M, S, S, 3) uint8: plain, striped or chequered colours, or crops of the pictures `fillings`."""
    base = _natural_colour(rng)
    textures = []
    for _ in range(3):
        colour = np.clip(base + rng.normal(0, 45, 3), 5, 250) if rng.random() < 0.5 else _natural_colour(rng)
        texture = np.full((TEXTURE_SIDE, TEXTURE_SIDE, 3), colour, np.float32)
        kind = rng.random()
        if fillings and kind < 0.55:
            picture = fillings[rng.integers(len(fillings))]
            side = int(rng.integers(TEXTURE_SIDE, min(picture.shape[:2]) + 1))
            y, x = (int(rng.integers(0, length - side + 1)) for length in picture.shape[:2])
            piece = cv2.resize(picture[y : y + side, x : x + side], texture.shape[1::-1], interpolation=cv2.INTER_AREA)
            texture = texture * rng.uniform(0, 0.5) + piece * rng.uniform(0.5, 1.0)
        elif kind < 0.62:
            waves = np.sin(np.arange(TEXTURE_SIDE) * rng.uniform(0.1, 1.2)) > 0
            other = _natural_colour(rng)
            pattern = waves[None, :, None] ^ (waves[:, None, None] & (rng.random() < 0.5))
            texture = np.where(pattern, texture, other)
        textures.append(np.clip(texture, 0, 255).astype(np.uint8))
    return np.stack(textures)


def _natural_colour(rng: np.random.Generator) -> np.ndarray:
    """Sample a colour (3,), mostly of low saturation."""
    grey, bright = rng.uniform(15, 240), rng.uniform(0, 255, 3)
    return np.clip(grey + (bright - grey) * rng.beta(1.2, 2.2), 5, 250)


def _rotation(x: float, y: float, z: float) -> np.ndarray:
    """Return the matrix (3, 3) that rotates about z, then about y, then about x; angles in radians."""
    sines, cosines = np.sin((x, y, z)), np.cos((x, y, z))
    about_x = np.array([[1, 0, 0], [0, cosines[0], -sines[0]], [0, sines[0], cosines[0]]])
    about_y = np.array([[cosines[1], 0, sines[1]], [0, 1, 0], [-sines[1], 0, cosines[1]]])
    about_z = np.array([[cosines[2], -sines[2], 0], [sines[2], cosines[2], 0], [0, 0, 1]])
    return about_x @ about_y @ about_z


def _unit(vector: np.ndarray) -> np.ndarray:
    """Scale a vector to length 1."""
    return vector / (np.linalg.norm(vector) + 1e-9)
