"""Pictures of discs with exact alpha before textures, for tests of matting."""

from __future__ import annotations

import cv2
import numpy as np

SIZE = 240, 320
_FINE = 8


def disc(radius: float, centre: tuple[float, float] = (160.0, 120.0), size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return the anti-aliased alpha (H, W) float32 of a disc around (x, y)."""
    rows, columns = (np.mgrid[: size[0] * _FINE, : size[1] * _FINE] + 0.5) / _FINE
    inside = np.hypot(columns - centre[0], rows - centre[1]) <= radius
    return cv2.resize(inside.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)


def texture(
    seed: int, low: tuple[int, int, int], high: tuple[int, int, int], size: tuple[int, int] = SIZE
) -> np.ndarray:
    """Return a smooth texture (H, W, 3) float32 0..255 between two colours."""
    noise = np.random.default_rng(seed).random((size[0] // 12, size[1] // 12), np.float32)
    share = np.clip(cv2.resize(noise, size[::-1], interpolation=cv2.INTER_CUBIC), 0, 1)[..., None]
    return np.float32(low) + share * (np.float32(high) - np.float32(low))


def composite(alpha: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return a picture (H, W, 3) uint8 of a reddish object before a blue-green background."""
    front = texture(seed, (170, 60, 40), (230, 120, 90), alpha.shape)
    behind = texture(seed + 1, (20, 70, 90), (80, 130, 180), alpha.shape)
    return np.rint(alpha[..., None] * front + (1 - alpha[..., None]) * behind).astype(np.uint8)


def enlarged(alpha: np.ndarray, scale: int) -> np.ndarray:
    """Return an alpha as a network leaves it: averaged to a smaller size, and enlarged bilinearly in 8 bits."""
    size = alpha.shape[1] // scale, alpha.shape[0] // scale
    smaller = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    return (
        np.rint(cv2.resize(smaller, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR) * 255).astype(np.float32) / 255
    )
