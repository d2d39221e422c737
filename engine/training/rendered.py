"""Clips of scenes that were rendered beforehand, as short films to learn from."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from .films import Clip, numbering

ABOUT = "about.json"
TRIES = 12
LONGEST_STEP = 4


def clip_name(seed: int) -> str:
    """The folder of a seed's scene."""
    return f"scene_{seed:06d}"


class Scenes:
    """The rendered clips below a folder: those for training, or those held out. More may come while it is in use."""

    def __init__(self, folder: Path, held_out: bool) -> None:
        self._folder = folder
        self._held_out = held_out
        self._known: dict[Path, bool] = {}  # clip folder -> whether it is held out

    def clips(self) -> list[Path]:
        """The clip folders that are there now, by name."""
        there = [about.parent for about in self._folder.glob(f"*/{ABOUT}") if about.parent.suffix != ".part"]
        for clip in there:
            if clip not in self._known:
                self._known[clip] = json.loads((clip / ABOUT).read_text(encoding="utf-8"))["held_out"]
        return sorted(clip for clip in there if self._known[clip] == self._held_out)

    def __len__(self) -> int:
        return len(self.clips())

    def pick(self, rng: np.random.Generator, *, frames: int, size: int, far: bool = False) -> Clip:
        """A square crop of `frames` frames of a random clip, in which an object is well to be seen on the first.

        The step between frames, the direction of time, the crop, its side and the colours are random. If `far`, the
        first may be any frame of the scene.
        Raises LookupError when there are no clips.
        """
        clips = self.clips()
        if not clips:
            raise LookupError(f"no rendered {'held-out ' if self._held_out else ''}scenes in {self._folder}")
        while True:
            clip = clips[rng.integers(len(clips))]
            for _ in range(TRIES):
                there = len(list((clip / "masks").glob("*.png")))
                numbers = _numbers(rng, there, frames)
                if far:
                    numbers[0] = rng.integers(there)
                film = _film(rng, clip, numbers, size)
                if film is not None:
                    return film


def _numbers(rng: np.random.Generator, there: int, frames: int) -> np.ndarray:
    """(frames,) which frames, forward or backward; a clip that is too short is gone through to and fro."""
    most = max(1, (there - 1) // max(1, frames - 1))
    step = int(rng.integers(1, min(LONGEST_STEP, most) + 1))
    offsets = np.arange(frames) * step
    start = rng.integers(0, max(1, there - offsets[-1]))
    numbers = start + offsets
    period = max(1, 2 * (there - 1))
    numbers = np.abs((numbers + there - 1) % period - (there - 1)) if numbers[-1] >= there else numbers
    return numbers[::-1] if rng.random() < 0.5 else numbers


def _film(rng: np.random.Generator, clip: Path, numbers: np.ndarray, size: int) -> Clip | None:
    masks = [cv2.imread(str(clip / "masks" / f"frame_{number:06d}.png"), cv2.IMREAD_GRAYSCALE) for number in numbers]
    x, y, side = _window(rng, masks[0])
    first = cv2.resize(masks[0][y : y + side, x : x + side], (size, size), interpolation=cv2.INTER_NEAREST_EXACT)
    table = numbering(first)
    if table.max() == 0:
        return None
    mirrored = rng.random() < 0.5
    tint, curve, stir = rng.normal(1, 0.06, 3), np.exp(rng.normal(0, 0.12)), rng.normal(0, 6)
    tones = np.arange(256)[:, None] / 255.0
    tones = np.uint8(np.clip(255 * (tones**curve) * tint + stir, 0, 255))[:, ::-1]  # (256, 3), read as BGR
    images, labels = [], []
    for number, mask in zip(numbers, masks):
        image = cv2.imread(str(clip / "frames" / f"frame_{number:06d}.jpg"))[y : y + side, x : x + side]
        smooth = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
        image = cv2.LUT(cv2.resize(image, (size, size), interpolation=smooth), tones[None])
        mask = cv2.resize(mask[y : y + side, x : x + side], (size, size), interpolation=cv2.INTER_NEAREST_EXACT)
        images.append(image[:, ::-1, ::-1] if mirrored else image[..., ::-1])
        labels.append(mask[:, ::-1] if mirrored else mask)
    return Clip(np.ascontiguousarray(images), table[np.ascontiguousarray(labels)])


def _window(rng: np.random.Generator, labels: np.ndarray) -> tuple[int, int, int]:
    """Left, top and side of a square around a random pixel of a random object, not always in its middle."""
    high, wide = labels.shape
    side = int(min(high, wide) * rng.uniform(0.6, 1.0))
    there = np.unique(labels[labels > 0])
    if len(there):
        rows, columns = np.nonzero(labels == there[rng.integers(len(there))])
        pixel = rng.integers(len(rows))
        place = np.array([columns[pixel], rows[pixel]]) - side * rng.uniform(0.2, 0.8, 2)
    else:
        place = rng.uniform(0, 1, 2) * (wide - side, high - side)
    x, y = np.clip(place, 0, (wide - side, high - side)).astype(int)
    return int(x), int(y), side
