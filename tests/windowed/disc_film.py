"""A film of a disc for the windowed scripts, and masks to compare with."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.png import write_png

WIDTH, HEIGHT, FRAMES = 640, 360, 12
DISC = (480.0, 120.0, 55.0)  # of the film: its centre and radius on frame 1


def write_film(folder: Path) -> Path:
    """Write a film of a red disc on textured blue, and return its first image."""
    folder.mkdir(parents=True, exist_ok=True)
    for frame in range(1, FRAMES + 1):
        grain = np.random.default_rng(frame).integers(-12, 13, (HEIGHT, WIDTH, 3))
        colours = np.where(disc(frame)[..., None], (200, 60, 40), (40, 80, 150))
        write_png(folder / f"film_{frame:04d}.png", np.clip(colours + grain, 0, 255).astype(np.uint8))
    return folder / "film_0001.png"


def disc(frame: int) -> np.ndarray:
    """Return the disc's mask (H, W) bool; it moves to the left."""
    x, y = grid()
    return np.hypot(x - DISC[0] + 4 * (frame - 1), y - DISC[1]) <= DISC[2]


def grid() -> tuple[np.ndarray, np.ndarray]:
    """Return x and y (H, W) of the pixels' centres."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    return x, y


def capsule(start: tuple[float, float], end: tuple[float, float], radius: float) -> np.ndarray:
    """Return the pixels (H, W) bool that are no farther than `radius` from the segment."""
    x, y = grid()
    along = np.subtract(end, start)
    share = np.clip(((x - start[0]) * along[0] + (y - start[1]) * along[1]) / (along @ along), 0, 1)
    return np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1]) <= radius


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    x, y = grid()
    return (x > left) & (x < right) & (y > top) & (y < bottom)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max((a | b).sum(), 1))
