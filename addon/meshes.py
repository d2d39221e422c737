"""Meshes of triangles that show a texture where a function of the screen places it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_FINEST = 128  # cells of a grid across and up
_ROUNDING = 1e-9  # of a texture


def grid(
    texture_at: Callable[[np.ndarray], np.ndarray], box: tuple[float, float, float, float], tolerance: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return a grid of points (R, C, 2) over a box (left, bottom, right, top), and their texture coordinates.

    It is so fine that texture coordinates interpolated between its points differ by at most `tolerance` from those of
    `texture_at`, as far as they can be measured halfway.
    """
    cells = 1
    while True:
        x, y = np.linspace(box[0], box[2], cells * 2 + 1), np.linspace(box[1], box[3], cells * 2 + 1)
        points = np.stack(np.meshgrid(x, y), axis=-1)
        texture = texture_at(points)
        coarse = texture[::2, ::2]
        errors = (
            texture[::2, 1::2] - (coarse[:, :-1] + coarse[:, 1:]) / 2,
            texture[1::2, ::2] - (coarse[:-1] + coarse[1:]) / 2,
            texture[1::2, 1::2] - (coarse[:-1, :-1] + coarse[1:, 1:]) / 2,
        )
        if max(float(abs(error).max()) for error in errors) <= tolerance:
            return points[::2, ::2], coarse
        if cells >= _FINEST // 2:
            return points, texture
        cells *= 2


def clipped(points: np.ndarray, texture: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the triangles of a grid (R, C, 2) as far as their texture coordinates (R, C, 2) are in 0..1.

    Returns points (N, 2) and texture coordinates (N, 2) in float32, and the triangles' points (T, 3).
    """
    corners = np.concatenate([points, texture], axis=-1)
    a, b, c, d = corners[:-1, :-1], corners[:-1, 1:], corners[1:, 1:], corners[1:, :-1]
    halves = np.stack([np.stack([a, b, c], axis=2), np.stack([a, c, d], axis=2)], axis=2)
    triangles = halves.reshape(-1, 3, 4)
    triangles = triangles[np.isfinite(triangles).all(axis=(1, 2))]
    for axis in (2, 3):
        triangles = _cut(triangles, triangles[..., axis])
        triangles = _cut(triangles, 1 - triangles[..., axis])
    flat = triangles.reshape(-1, 4).astype(np.float32)
    return flat[:, :2], flat[:, 2:].clip(0, 1), np.arange(len(flat), dtype=np.int32).reshape(-1, 3)


def _cut(triangles: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return what of triangles (T, 3, V) lies where the linear measure `inside` (T, 3) of their points is positive."""
    within = inside >= -_ROUNDING
    count = within.sum(axis=1)
    whole = triangles[count == 3]
    # Turn the odd point to the front: the only one inside, or the only one outside.
    mixed = (count == 1) | (count == 2)
    triangles, inside, within, count = triangles[mixed], inside[mixed], within[mixed], count[mixed]
    odd = np.argmax(within == (count == 1)[:, None], axis=1)
    order = (odd[:, None] + np.arange(3)) % 3
    rows = np.arange(len(order))[:, None]
    first, second, third = np.moveaxis(triangles[rows, order], 1, 0)
    at = inside[rows, order]
    to_second, to_third = at[:, 0] / (at[:, 0] - at[:, 1]), at[:, 0] / (at[:, 0] - at[:, 2])
    near = first + (second - first) * to_second[:, None]
    far = first + (third - first) * to_third[:, None]
    one, two = count == 1, count == 2
    pieces = [
        np.stack([first, near, far], axis=1)[one],
        np.stack([near, second, third], axis=1)[two],
        np.stack([near, third, far], axis=1)[two],
    ]
    return np.concatenate([whole, *pieces])
