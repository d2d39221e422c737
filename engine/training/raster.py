"""Software rasteriser of textured triangles in perspective, with antialiased edges (painter's algorithm)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

OVERSAMPLING = 2


@dataclass(frozen=True)
class Surface:
    """Textured triangles within the unit ball; y is up."""

    vertices: np.ndarray  # (V, 3) float
    faces: np.ndarray  # (F, 3) int
    coordinates: np.ndarray  # (F, 3, 2) float: texture coordinates of the corners, repeating beyond 0..1
    materials: np.ndarray  # (F,) int: index of the texture
    textures: np.ndarray  # (M, S, S, 3) uint8


@dataclass(frozen=True)
class Light:
    """Directional light and ambient light."""

    direction: np.ndarray  # (3,) unit, towards the lamp; x right, y up, z towards the camera
    ambient: float  # 0..1


def render(surface: Surface, turn: np.ndarray, light: Light, *, side: int, distance: float) -> np.ndarray:
    """Render a surface, rotated by `turn` (3, 3), from `distance` units away: RGBA (side, side, 4) uint8."""
    large = side * OVERSAMPLING
    points = surface.vertices @ turn.T
    depth = distance - points[:, 2]
    focal = np.sqrt(distance**2 - 1) * (large / 2 - 2 * OVERSAMPLING)
    flat = points[:, :2] * (focal / depth)[:, None] * (1, -1) + large / 2  # (V, 2) pixels
    corners = points[surface.faces]  # (F, 3, 3)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    towards = np.array([0, 0, distance]) - corners.mean(axis=1)
    normals *= np.sign((normals * towards).sum(axis=1, keepdims=True))  # windings may be inconsistent
    shade = light.ambient + (1 - light.ambient) * np.clip(normals @ light.direction, 0, 1)  # (F,)
    numbers = _face_numbers(flat, depth, surface.faces, side=large)
    return _colour(surface, flat, shade, numbers, side=side)


def _face_numbers(flat: np.ndarray, depth: np.ndarray, faces: np.ndarray, *, side: int) -> np.ndarray:
    """Return the number (index + 1) of the nearest face at each pixel, 0 without a face: (side, side) int32.

    `flat` (V, 2) are the projected vertices in pixels, `depth` (V,) their distances.
    """
    numbers = np.zeros((side, side), np.int32)
    polygons = np.round(flat[faces] * 16).astype(np.int32)  # (F, 3, 2)
    for face in np.argsort(-depth[faces].mean(axis=1)).tolist():
        cv2.fillConvexPoly(numbers, polygons[face], face + 1, cv2.LINE_8, 4)
    return numbers


def _colour(surface: Surface, flat: np.ndarray, shade: np.ndarray, numbers: np.ndarray, *, side: int) -> np.ndarray:
    """Colour each pixel by the texture and shade (F,) of its face, and scale down to RGBA (side, side, 4) uint8."""
    rows, columns = np.nonzero(numbers)
    rgba = np.zeros((*numbers.shape, 4), np.float32)
    if len(rows):
        face = numbers[rows, columns] - 1
        place = _texture_maps(surface, flat)[face]  # (P, 2, 3)
        u = place[:, 0, 0] * columns + place[:, 0, 1] * rows + place[:, 0, 2]
        v = place[:, 1, 0] * columns + place[:, 1, 1] * rows + place[:, 1, 2]
        span = surface.textures.shape[1]
        column, row = (np.floor(u * span).astype(int) % span), (np.floor(-v * span).astype(int) % span)
        rgba[rows, columns, :3] = surface.textures[surface.materials[face], row, column] * shade[face, None]
        rgba[rows, columns, 3] = 255
    rgba = np.asarray(cv2.resize(rgba, (side, side), interpolation=cv2.INTER_AREA), np.float32)
    rgba[..., :3] *= 255 / np.maximum(rgba[..., 3:], 1)
    return np.clip(rgba, 0, 255).astype(np.uint8)


def _texture_maps(surface: Surface, flat: np.ndarray) -> np.ndarray:
    """Return each face's affine map from pixels to texture coordinates: (F, 2, 3)."""
    corners = flat[surface.faces]  # (F, 3, 2)
    edge, other = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = edge[:, 0] * other[:, 1] - edge[:, 1] * other[:, 0]
    area = np.where(np.abs(area) < 0.5, np.inf, area)  # a face seen edge-on gets one colour
    inverse = np.stack([np.stack([other[:, 1], -other[:, 0]], 1), np.stack([-edge[:, 1], edge[:, 0]], 1)], 1)
    inverse = inverse / area[:, None, None]  # (F, 2, 2): pixels -> multiples of the two edges
    first = surface.coordinates[:, 0]
    edges = np.stack([surface.coordinates[:, 1] - first, surface.coordinates[:, 2] - first], 2)  # (F, 2, 2)
    linear = edges @ inverse
    constant = first - np.einsum("fij,fj->fi", linear, corners[:, 0])
    return np.concatenate([linear, constant[..., None]], axis=2)
