"""Photographs with hand-drawn outlines of their subjects: labels, cut-outs, and deformation over time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from .motion import random_signal

# "package/digest" of a photograph -> its size, and per subject polygons [x, y, x, y, ..]; holes are polygons too
_OUTLINES = Path(__file__).with_suffix(".json")
_CELL = 4  # pixels per cell of a displacement field


def load_outlines() -> dict[str, dict]:
    """Load the outlines: key of a photograph -> `size` (width, height) and `subjects`, each a list of polygons."""
    return json.loads(_OUTLINES.read_text(encoding="utf-8"))


def draw_labels(row: dict, *, width: int, height: int) -> np.ndarray:
    """Draw a photograph's outlined subjects as labels 1, 2, .. (height, width) uint8; `row` holds its outlines."""
    scale = np.array([width, height]) / row["size"]
    labels = np.zeros((height, width), np.uint8)
    for number, polygons in enumerate(row["subjects"], start=1):
        mask = np.zeros_like(labels)
        lines = [np.round(np.reshape(polygon, (-1, 2)) * scale).astype(np.int32) for polygon in polygons]
        cv2.fillPoly(mask, lines, (1,))
        labels[mask > 0] = number
    return labels


def cut_out(picture: np.ndarray, labels: np.ndarray) -> Iterator[np.ndarray]:
    """Yield each subject of a picture (H, W, 3) as an RGBA cut-out.

    The outermost pixels of the subject are left out, as their colours are mixed with those of the background.
    """
    for number in range(1, int(labels.max(initial=0)) + 1):
        mask = cv2.erode(np.uint8(labels == number) * 255, np.ones((3, 3), np.uint8))
        if mask.any():
            x, y, wide, high = cv2.boundingRect(mask)
            soft = cv2.GaussianBlur(np.pad(mask, 2), (0, 0), 0.7)[y : y + high + 4, x : x + wide + 4]
            colours = np.pad(picture, ((2, 2), (2, 2), (0, 0)), mode="edge")[y : y + high + 4, x : x + wide + 4]
            yield np.dstack([colours, soft])


def random_window(rng: np.random.Generator, labels: np.ndarray) -> tuple[int, int, int]:
    """Sample a square window that shows all or part of a random subject; return its left, top and side in pixels."""
    high, wide = labels.shape
    rows, columns = np.nonzero(labels == rng.integers(1, max(2, int(labels.max(initial=0)) + 1)))
    extent = max(np.ptp(rows), np.ptp(columns), 40) if len(rows) else min(high, wide)
    side = int(np.clip(extent * np.exp(rng.uniform(np.log(0.9), np.log(4.0))), 0.3 * min(high, wide), min(high, wide)))
    middle = np.array([columns.mean(), rows.mean()]) if len(rows) else np.array([wide, high]) / 2
    corner = middle - side * rng.uniform(0.3, 0.7, 2)
    x, y = np.clip(corner, 0, (wide - side, high - side)).astype(int)
    return int(x), int(y), side


class DeformingPhotograph:
    """Photograph that deforms smoothly over T frames; each subject moves together with its surroundings."""

    def __init__(self, rng: np.random.Generator, times: np.ndarray, labels: np.ndarray) -> None:
        """Sample the displacement field of every frame (zero on the first) for the subjects in `labels` (H, W)."""
        self._size = labels.shape[::-1]
        coarse = [max(2, side // _CELL) for side in self._size]
        rows, columns = np.indices(coarse[::-1], np.float32)
        at = np.stack([columns, rows], -1) * _CELL  # (h, w, 2) pixels
        self._moves = np.zeros((len(times), *at.shape), np.float32)
        for number in range(1, int(labels.max(initial=0)) + 1):
            mask = cv2.resize((labels == number).astype(np.float32), coarse, interpolation=cv2.INTER_AREA)
            if mask.sum() < 2:
                continue
            extent = float(np.sqrt(mask.sum())) * _CELL
            near = np.clip(1.7 * cv2.GaussianBlur(mask, (0, 0), max(1.0, 0.35 * extent / _CELL)), 0, 1)[..., None]
            arm = at - (at * mask[..., None]).sum((0, 1)) / mask.sum()
            pace = np.exp(rng.normal(-0.3, 0.6))
            shift = [random_signal(rng, times, reach=0.15 * extent, speed=0.03 * extent * pace) for _ in range(2)]
            turn = random_signal(rng, times, reach=0.25, speed=0.03 * pace)
            growth = random_signal(rng, times, reach=0.15, speed=0.015 * pace)
            for frame in range(len(times)):
                turned = turn[frame] * np.stack([-arm[..., 1], arm[..., 0]], -1)
                self._moves[frame] += near * (turned + growth[frame] * arm + [s[frame] for s in shift])
        grid = int(rng.integers(3, 7))
        for _ in range(2):
            knots = rng.normal(0, 0.02 * min(self._size), (grid, grid, 2)).astype(np.float32)
            fold = cv2.resize(knots, coarse, interpolation=cv2.INTER_CUBIC)
            bend = random_signal(rng, times, reach=rng.uniform(0.2, 1.0), speed=0.05 * np.exp(rng.normal(0, 0.6)))
            self._moves += bend[:, None, None, None].astype(np.float32) * fold

    def render(
        self, picture: np.ndarray, labels: np.ndarray, frame: int, matrix: np.ndarray, *, size: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Warp the picture (H, W, 3) and its labels (H, W) to a frame (size, size).

        `matrix` (3, 3) maps pixels of the undeformed picture to pixels of the frame.
        """
        back = cv2.invertAffineTransform(matrix[:2]).astype(np.float32)
        rows, columns = np.indices((size, size), np.float32)
        x, y = (back[:, :2] @ np.stack([columns.ravel(), rows.ravel()]) + back[:, 2:]).reshape(2, size, size)
        moved = cv2.remap(self._moves[frame], x / _CELL, y / _CELL, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        x, y = x - moved[..., 0], y - moved[..., 1]
        shown = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        # The reflection beyond the picture's border is not labelled.
        return shown, cv2.remap(labels, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
