"""Textures of the films with exact alpha: clouds, clutter, cells, strokes and checks from a seed, and photographs."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

Texture = Callable[[np.random.Generator, tuple[int, int], np.ndarray], np.ndarray]


def clouds(rng: np.random.Generator, size: tuple[int, int], colours: np.ndarray) -> np.ndarray:
    """Return noise of many octaves (H, W, 3) float32 0..1 between the given colours (C, 3)."""
    mixed = np.zeros(size, np.float32)
    for octave in range(2, 9):
        cells = max(size[0] >> (9 - octave), 2), max(size[1] >> (9 - octave), 2)
        noise = rng.random(cells, np.float32) - 0.5
        mixed += cv2.resize(noise, size[::-1], interpolation=cv2.INTER_CUBIC) * 0.72**octave
    mixed = (mixed - mixed.min()) / max(float(np.ptp(mixed)), 1e-6)
    return _between(mixed, colours)


def clutter(rng: np.random.Generator, size: tuple[int, int], colours: np.ndarray) -> np.ndarray:
    """Return overlapping shapes with edges, (H, W, 3) float32 0..1."""
    picture = clouds(rng, size, colours)
    for _ in range(160):
        centre = rng.random(2) * size[::-1]
        radius = rng.uniform(0.02, 0.12) * size[0]
        angles = np.sort(rng.random(rng.integers(3, 8))) * 2 * np.pi
        corners = centre + radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        colour = _between(rng.random((1, 1), np.float32), colours)[0, 0] * rng.uniform(0.6, 1.3)
        cv2.fillPoly(picture, [np.round(corners * 16).astype(np.int32)], colour.tolist(), cv2.LINE_AA, 4)
    return np.clip(picture * (0.85 + 0.3 * clouds(rng, size, np.array([[0.0] * 3, [1.0] * 3]))), 0, 1)


def cells(rng: np.random.Generator, size: tuple[int, int], colours: np.ndarray) -> np.ndarray:
    """Return pebbles: cells around random places, each with its own colour, (H, W, 3) float32 0..1."""
    seeds = np.ones(size, np.uint8)
    seeds[rng.integers(0, size[0], 900), rng.integers(0, size[1], 900)] = 0
    distance, labels = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    shade = rng.random(int(labels.max()) + 1, np.float32)[labels]
    relief = np.exp(-distance / (0.03 * size[0]))
    return np.clip(_between(shade, colours) * (0.55 + 0.6 * relief)[..., None], 0, 1)


def strokes(rng: np.random.Generator, size: tuple[int, int], colours: np.ndarray) -> np.ndarray:
    """Return grass: thin strokes over each other, (H, W, 3) float32 0..1."""
    picture = clouds(rng, size, colours) * 0.7
    for _ in range(9000):
        start = rng.random(2) * size[::-1]
        end = start + rng.normal(0, 1, 2) * 0.012 * size[0] + np.array([0, -rng.uniform(0.01, 0.06) * size[0]])
        colour = _between(rng.random((1, 1), np.float32), colours)[0, 0] * rng.uniform(0.5, 1.3)
        ends = [tuple(int(value * 16) for value in place) for place in (start, end)]
        cv2.line(picture, ends[0], ends[1], colour.tolist(), int(rng.integers(1, 4)), cv2.LINE_AA, 4)
    return np.clip(picture, 0, 1)


def checks(rng: np.random.Generator, size: tuple[int, int], colours: np.ndarray) -> np.ndarray:
    """Return a woven pattern of stripes, (H, W, 3) float32 0..1."""
    rows, columns = np.mgrid[: size[0], : size[1]].astype(np.float32)
    pitch = rng.uniform(0.02, 0.05) * size[0]
    turned = 0.3 * rows + columns, rows - 0.3 * columns
    woven = sum(np.sin(2 * np.pi * place / pitch + rng.random() * 6) for place in turned) / 4 + 0.5
    return np.clip(_between(woven.astype(np.float32), colours) * (0.8 + 0.4 * clouds(rng, size, np.eye(3))), 0, 1)


def _between(share: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Return the colours (C, 3) mixed by a share (H, W) 0..1 of the way from the first to the last."""
    places = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(share, places, colours[:, channel]) for channel in range(3)], axis=-1).astype(np.float32)


TEXTURES: dict[str, Texture] = {
    "clouds": clouds,
    "clutter": clutter,
    "cells": cells,
    "strokes": strokes,
    "checks": checks,
}
