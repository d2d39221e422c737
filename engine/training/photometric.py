"""Camera effects on finished films: light, colour, focus, grain and compression."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from .motion import random_signal


def apply_camera_effects(rng: np.random.Generator, canvases: list[np.ndarray], times: np.ndarray) -> np.ndarray:
    """Apply random camera effects to T square frames (H, W, 3) uint8; return the new frames (T, H, W, 3) uint8."""
    frames, size = len(canvases), canvases[0].shape[0]
    tables = _tone_tables(rng, times)
    light = _uneven_light(rng, size=size) if rng.random() < 0.3 else None
    softness = rng.uniform(0.3, 1.4) * size / 256 if rng.random() < 0.35 else 0.0
    focus = softness * np.exp(random_signal(rng, times, reach=0.5, speed=0.05))
    grain = np.exp(rng.uniform(np.log(1.0), np.log(10.0))) if rng.random() < 0.6 else 0.0
    coarse = rng.random() < 0.3
    quality = int(rng.integers(25, 90)) if rng.random() < 0.45 else 0
    smallness = rng.uniform(0.45, 0.8) if rng.random() < 0.12 else 1.0
    images = np.empty((frames, size, size, 3), np.uint8)
    for frame, canvas in enumerate(canvases):
        if light is not None:
            canvas = cv2.multiply(canvas, light, dtype=cv2.CV_8U)
        if smallness < 1.0:
            small = cv2.resize(canvas, None, fx=smallness, fy=smallness, interpolation=cv2.INTER_AREA)
            canvas = cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR)
        if focus[frame] > 0.3:
            canvas = cv2.GaussianBlur(canvas, (0, 0), float(focus[frame]))
        image = cv2.LUT(canvas, tables[frame])
        if grain:
            noise = _noise(rng, size=size, coarse=coarse)
            image = cv2.scaleAdd(noise, grain, image.astype(np.float32))
            image = np.clip(image, 0, 255).astype(np.uint8)
        if quality:
            _, code = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))
            image = cv2.imdecode(code, cv2.IMREAD_COLOR)
        images[frame] = image
    return images


def _tone_tables(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Sample look-up tables (T, 1, 256, 3) uint8 that change gamma, contrast, brightness and warmth over time."""
    flicker = rng.normal(0, 0.015, len(times)) * (rng.random() < 0.25)
    drift = [random_signal(rng, times, reach=0.12, speed=0.006 * np.exp(rng.normal(0, 0.7))) for _ in range(4)]
    gamma = np.exp(rng.normal(0, 0.22) + drift[0])
    contrast = np.exp(rng.normal(0.0, 0.18) + drift[1])
    brightness = rng.normal(0, 0.06) + 0.6 * drift[2] + flicker
    warmth = rng.normal(0, 0.09) + 0.5 * drift[3]
    tint = rng.normal(0, 0.03)
    levels = np.linspace(0, 1, 256)[None, :, None]
    gains = np.exp(np.stack([warmth, np.full(len(times), tint), -warmth], 1))[:, None, :]
    tones = levels ** gamma[:, None, None] * gains
    tones = (tones - 0.5) * contrast[:, None, None] + 0.5 + brightness[:, None, None]
    if rng.random() < 0.04:
        tones = np.repeat(tones.mean(axis=2, keepdims=True), 3, axis=2)
    return np.round(np.clip(tones, 0, 1) * 255).astype(np.uint8)[:, None]


def _uneven_light(rng: np.random.Generator, *, size: int) -> np.ndarray:
    """Make a smooth map of brightness factors (size, size, 3) float32 around 1, as from lamps, shade or a vignette."""
    cells = np.exp(rng.normal(0, 0.3, (3, 3))).astype(np.float32)
    return (
        cv2.resize(cells / cells.mean(), (size, size), interpolation=cv2.INTER_CUBIC)
        .clip(0.3, 1.45)[..., None]
        .repeat(3, axis=2)
    )


@cache
def _grain_sheets() -> tuple[np.ndarray, np.ndarray]:
    """Make two arrays (1024, 1024, 3) of noise with standard deviation 1, fine and coarse, equal in every process."""
    fine = np.random.default_rng(20).standard_normal((1024, 1024, 3), np.float32)
    coarse = cv2.GaussianBlur(fine, (0, 0), 0.9)
    return fine, coarse / coarse.std()


def _noise(rng: np.random.Generator, *, size: int, coarse: bool) -> np.ndarray:
    """Crop a random square (size, size, 3) from the fine or the coarse array of noise."""
    sheet = _grain_sheets()[int(coarse)]
    if size > 1024:
        return np.resize(sheet, (size, size, 3))
    y, x = rng.integers(0, 1024 - size + 1, 2)
    return sheet[y : y + size, x : x + size]
