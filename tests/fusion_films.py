"""Synthetic clips for `study fusion`: look-alikes that cross, occlusion, entering, leaving and change of size."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from engine.media.label_images import write_labels

HEIGHT, WIDTH, FRAMES = 240, 432, 48
_FINER = 2  # pictures are drawn this many times as large, so that edges are smooth
_KINDS = ("crossing", "hidden", "passing", "growing")


@dataclass(frozen=True)
class _Blob:
    """A textured object with a wobbling outline; sizes and places are fractions of the height."""

    object_id: int  # 0: part of the background
    texture: np.ndarray  # (H, W, 3) uint8
    waves: np.ndarray  # (K, 2) amplitude and phase of the outline's harmonics from the second on
    path: np.ndarray  # (T, 2) x, y
    radii: np.ndarray  # (T,)
    turn: float  # radians per frame
    wobble: float  # radians per frame

    def outline(self, frame: int) -> np.ndarray:
        """Return the outline (N, 2) on a frame."""
        angles = np.linspace(0, 2 * np.pi, 180, endpoint=False)
        radius = np.ones_like(angles)
        for order, (amplitude, phase) in enumerate(self.waves, 2):
            radius += amplitude * np.cos(order * angles + phase + order * self.wobble * frame)
        turned = angles + self.turn * frame
        around = np.stack([np.cos(turned), np.sin(turned)], 1) * radius[:, None]
        points: np.ndarray = self.path[frame] + self.radii[frame] * around
        return points


def make_film(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return frames (T, H, W, 3) uint8 and labels (T, H, W) uint8 of a clip; its kind is that of `seed` in turn."""
    random = np.random.default_rng([23, seed])
    kind = _KINDS[seed % len(_KINDS)]
    blobs = [_blob(random, number, _path(random, kind, number), kind) for number in (1, 2)]
    blobs.append(
        _blob(random, 3 if kind in ("crossing", "growing") else 0, _path(random, kind, 3), kind, like=blobs[0])
    )
    if kind in ("hidden", "passing"):
        blobs.append(_blob(random, 0, _path(random, "passing", 4), kind, radius=0.27))
    ground = _texture(random, HEIGHT + 80, WIDTH + 160)
    drift = random.uniform(-1.2, 1.2, 2)
    frames, labels = np.empty((FRAMES, HEIGHT, WIDTH, 3), np.uint8), np.empty((FRAMES, HEIGHT, WIDTH), np.uint8)
    for frame in range(FRAMES):
        frames[frame], labels[frame] = _draw(blobs, ground, drift, frame)
        noise = random.normal(0, 3, frames[frame].shape)
        frames[frame] = np.clip(frames[frame] + noise, 0, 255)
    return frames, labels


def write_films(folder: Path, count: int) -> None:
    """Write `count` clips to `folder`, each with `frames` and `masks`."""
    for seed in range(count):
        clip = folder / f"{_KINDS[seed % len(_KINDS)]}_{seed:02d}"
        (clip / "frames").mkdir(parents=True, exist_ok=True)
        for frame, (picture, labels) in enumerate(zip(*make_film(seed))):
            Image.fromarray(picture).save(clip / "frames" / f"{frame:04d}.png")
            write_labels(clip / "masks" / f"{frame:04d}.png", labels)


def _draw(blobs: list[_Blob], ground: np.ndarray, drift: np.ndarray, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw one frame (H, W, 3) uint8 and its labels (H, W) uint8."""
    size = (_FINER * WIDTH, _FINER * HEIGHT)
    shift = np.array([[1, 0, -80 + drift[0] * (frame - FRAMES / 2)], [0, 1, -40 + drift[1] * (frame - FRAMES / 2) / 2]])
    moved = cv2.warpAffine(ground, shift, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
    picture, labels = cv2.resize(moved, size), np.zeros(size[::-1], np.uint8)
    for blob in blobs:
        mask = np.zeros_like(labels)
        cv2.fillPoly(mask, [np.rint(blob.outline(frame) * _FINER * HEIGHT).astype(np.int32)], (1,))
        angle, scale = -np.degrees(blob.turn * frame), _FINER * blob.radii[frame] / blob.radii.mean()
        turn = cv2.getRotationMatrix2D((HEIGHT / 2, HEIGHT / 2), angle, scale)
        turn[:, 2] += blob.path[frame] * _FINER * HEIGHT - HEIGHT / 2
        texture = cv2.warpAffine(blob.texture, turn, size, borderMode=cv2.BORDER_REFLECT)
        picture[mask > 0] = texture[mask > 0]
        labels[mask > 0] = blob.object_id
    small = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return small, np.ascontiguousarray(labels[::_FINER, ::_FINER])


def _path(random: np.random.Generator, kind: str, number: int) -> np.ndarray:
    """Return a path (T, 2) through the picture, as fractions of its height."""
    wide = WIDTH / HEIGHT
    time = np.linspace(0, 1, FRAMES)
    row = 0.25 * number + random.uniform(-0.08, 0.08) if kind != "crossing" else random.uniform(0.4, 0.6)
    first, last = random.uniform(0.2, 0.4) * wide, random.uniform(0.6, 0.8) * wide
    if number % 2 == 0:
        first, last = last, first
    if kind == "hidden" and number == 2:  # enters and leaves
        first, last = -0.25, wide + 0.25
    if kind == "passing" and number == 4:
        first, last, row = random.choice([-0.4, 0.3]) * wide, 1.1 * wide, random.uniform(0.3, 0.7)
    x = first + (last - first) * time + random.uniform(0.02, 0.06) * np.sin(random.uniform(6, 14) * time)
    y = row + random.uniform(0.03, 0.12) * np.sin(random.uniform(4, 10) * time + random.uniform(0, 6))
    return np.stack([x, y], 1)


def _blob(
    random: np.random.Generator, object_id: int, path: np.ndarray, kind: str, *, radius: float = 0.0,
    like: _Blob | None = None,
) -> _Blob:  # fmt: skip
    """Make a blob on a path; with `like`, one of the same looks."""
    size = radius or random.uniform(0.09, 0.16)
    growth = random.uniform(1.6, 2.6) if kind == "growing" else random.uniform(1, 1.25)
    radii = size * growth ** (random.choice([-1, 1]) * np.linspace(-0.6, 0.6, FRAMES))
    texture = _texture(random, HEIGHT, HEIGHT)
    waves = np.stack([random.uniform(0, 0.14, 4), random.uniform(0, 6, 4)], 1)
    turn, wobble = random.uniform(-0.05, 0.05), random.uniform(-0.03, 0.03)
    return _Blob(object_id, texture if like is None else like.texture, waves, path, radii, turn, wobble)


def _texture(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Return a texture (H, W, 3) uint8 of patches at several scales around a random colour."""
    colour, spread = random.uniform(60, 190, 3), random.uniform(18, 45)
    picture = np.zeros((height, width, 3), np.float32)
    for step in (64, 24, 9, 4):
        coarse = random.normal(0, spread * (step / 64) ** 0.4, (height // step + 2, width // step + 2, 3))
        picture += cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(picture + colour, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder to write the clips to")
    parser.add_argument("--count", type=int, default=8, help="number of clips; default: %(default)s")
    options = parser.parse_args()
    write_films(options.folder, options.count)
