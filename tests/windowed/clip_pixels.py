"""A film of a ring and a box, and the colours on the screen of pixels of the clip that shows it."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np

from tests.blender.studio import box, ring
from tests.png import write_png
from tests.windowed.driver import Steps, on_screen, screenshot

SIZE = {"width": 640, "height": 360}
FRAMES = 8
YELLOW = np.array((255, 217, 0))
SQUARES = np.array((0.35, 0.5)) * 255  # greys of the checkerboard
STEP = 4.0  # of 255: the screen has 8 bits, and colours are rounded more than once
AWAY = 5  # pixels of the clip: what is farther from an edge is surely on one side of it on the screen


# -- the film ----------------------------------------------------------------------------------------------------------
def write_film(folder: Path, *, frames: int = FRAMES) -> Path:
    """Write a film of a red ring and a yellow box on blue, and return its first image."""
    folder.mkdir(parents=True, exist_ok=True)
    colours = np.array([(30, 60, 140), (210, 50, 40), (230, 200, 40)])
    for frame in range(frames):
        grain = np.random.default_rng(frame).integers(-8, 9, (SIZE["height"], SIZE["width"], 3))
        picture = np.clip(colours[truth(frame)] + grain, 0, 255).astype(np.uint8)
        write_png(folder / f"film_{frame + 1:04d}.png", picture)
    return folder / "film_0001.png"


def truth(frame: int) -> np.ndarray:
    """Return the true labels (H, W) uint8."""
    return np.where(ring(frame, **SIZE), 1, np.where(box(frame, **SIZE), 2, 0)).astype(np.uint8)


def capsule(start: tuple[float, float], end: tuple[float, float], radius: float) -> np.ndarray:
    """Return the pixels (H, W) bool that are no farther than `radius` from a horizontal segment."""
    y, x = np.mgrid[0 : SIZE["height"], 0 : SIZE["width"]] + 0.5
    return np.hypot(x - np.clip(x, start[0], end[0]), y - start[1]) <= radius


def inner(mask: np.ndarray, away: int = AWAY) -> np.ndarray:
    """Return the pixels (H, W) bool that are farther than `away` from the border of a mask and of the frame."""
    padded = np.pad(mask, away)
    views_of = np.lib.stride_tricks.sliding_window_view
    rows = views_of(padded, 2 * away + 1, axis=0).all(axis=-1)
    kept = views_of(rows, 2 * away + 1, axis=1).all(axis=-1)
    kept[:55, :] = False  # where notes are written
    kept[-40:, 560:] = False  # where the mouse rests
    return kept


# -- the screen --------------------------------------------------------------------------------------------------------
def shot(area: bpy.types.Area, name: str) -> Steps:
    """Draw the editor anew, and return a screenshot."""
    area.tag_redraw()
    yield 0.7
    return screenshot(name)


def values(area: bpy.types.Area, picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the colours (N, 3) on the screen of pixels of the clip in a mask, always the same ones of it."""
    rows, columns = np.nonzero(mask)
    assert len(rows) > 50, "too few pixels to compare"
    chosen = np.random.default_rng(1).permutation(len(rows))[:300]
    places = [on_screen(area, (columns[index] + 0.5, rows[index] + 0.5)) for index in chosen]
    return np.array([picture[y, x] for x, y in places], np.float64)


def assert_like(found: np.ndarray, expected: np.ndarray | float) -> None:
    off = np.abs(found - expected).max(axis=1)
    assert (off <= STEP).mean() > 0.98, f"differs by up to {off.max():.0f}, by {np.median(off):.0f} on the whole"


def is_checker(found: np.ndarray) -> bool:
    """Return whether colours (N, 3) are those of the checkerboard, and both are there."""
    off = np.abs(found[:, None] - SQUARES[:, None]).max(axis=2)
    return bool((off.min(axis=1) <= STEP).mean() > 0.98 and (off <= STEP).mean(axis=0).min() > 0.2)


def edge_share(area: bpy.types.Area, picture: np.ndarray, alpha_: np.ndarray, wanted: np.ndarray) -> float:
    """Return at which share of an alpha's edge the screen has a colour, within two pixels of the screen."""
    inside = alpha_ >= 128
    crossing = np.flatnonzero((inside[:, 1:] != inside[:, :-1]) & inner(np.ones_like(inside))[:, 1:])
    assert len(crossing) > 50
    hits = 0
    for index in crossing:
        row, column = divmod(int(index), inside.shape[1] - 1)
        x, y = on_screen(area, (column + 1, row + 0.5))
        near = picture[y, x - 2 : x + 3].astype(float)
        hits += np.abs(near - wanted).max(axis=1).min() < 40
    return hits / len(crossing)


def yellow_share(area: bpy.types.Area, picture: np.ndarray, alpha_: np.ndarray) -> float:
    return edge_share(area, picture, alpha_, YELLOW)
