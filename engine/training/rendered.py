"""Training clips cropped from rendered scenes."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from .films import Clip, visible_label_table

ABOUT = "about.json"
_MAX_TRIES = 12  # crops of one scene, before another is drawn
MAX_FRAME_STEP = 4  # between the frames of a clip, in frames of the scene


def clip_name(seed: int) -> str:
    """Return the folder name of the scene rendered from `seed`."""
    return f"scene_{seed:06d}"


class RenderedClips:
    """Rendered scenes below a folder, either for training or held out; scenes may be added during use."""

    def __init__(self, folder: Path, held_out: bool) -> None:
        self._folder = folder
        self._held_out = held_out
        self._known: dict[Path, bool] = {}  # clip folder -> whether it is held out

    def clips(self) -> list[Path]:
        """Return the folders of the scenes that exist now, sorted by name."""
        folders = [about.parent for about in self._folder.glob(f"*/{ABOUT}") if about.parent.suffix != ".part"]
        for clip in folders:
            if clip not in self._known:
                self._known[clip] = json.loads((clip / ABOUT).read_text(encoding="utf-8"))["held_out"]
        return sorted(clip for clip in folders if self._known[clip] == self._held_out)

    def __len__(self) -> int:
        return len(self.clips())

    def pick(self, rng: np.random.Generator, *, frames: int, size: int, far: bool = False) -> Clip:
        """Crop a clip of `frames` square frames from a random scene; its first frame clearly shows an object.

        The step between frames, the direction of time, the place and size of the crop and the colours are random. If
        `far`, the first frame may be any frame of the scene. Raises LookupError if there are no scenes.
        """
        clips = self.clips()
        if not clips:
            raise LookupError(f"no rendered {'held-out ' if self._held_out else ''}scenes in {self._folder}")
        while True:
            clip = clips[rng.integers(len(clips))]
            for _ in range(_MAX_TRIES):
                length = len(list((clip / "masks").glob("*.png")))
                numbers = _frame_numbers(rng, length, frames)
                if far:
                    numbers[0] = rng.integers(length)
                crop = _random_crop(rng, clip, numbers, size)
                if crop is not None:
                    return crop


def _frame_numbers(rng: np.random.Generator, length: int, frames: int) -> np.ndarray:
    """Sample evenly spaced frame numbers (frames,) of a scene of `length` frames, forward or backward.

    A scene that is too short is played back and forth.
    """
    max_step = max(1, (length - 1) // max(1, frames - 1))
    step = int(rng.integers(1, min(MAX_FRAME_STEP, max_step) + 1))
    offsets = np.arange(frames) * step
    start = rng.integers(0, max(1, length - offsets[-1]))
    numbers = start + offsets
    period = max(1, 2 * (length - 1))
    numbers = np.abs((numbers + length - 1) % period - (length - 1)) if numbers[-1] >= length else numbers
    return numbers[::-1] if rng.random() < 0.5 else numbers


def _random_crop(rng: np.random.Generator, clip: Path, numbers: np.ndarray, size: int) -> Clip | None:
    """Crop the frames `numbers` of a scene at a random place, and change their colours at random.

    Returns None if no object is clearly visible on the first frame.
    """
    masks = [cv2.imread(str(clip / "masks" / f"frame_{number:06d}.png"), cv2.IMREAD_GRAYSCALE) for number in numbers]
    x, y, side = _window(rng, masks[0])
    first = cv2.resize(masks[0][y : y + side, x : x + side], (size, size), interpolation=cv2.INTER_NEAREST_EXACT)
    table = visible_label_table(first)
    if table.max() == 0:
        return None
    mirrored = rng.random() < 0.5
    tint, gamma, offset = rng.normal(1, 0.06, 3), np.exp(rng.normal(0, 0.12)), rng.normal(0, 6)
    levels = np.arange(256)[:, None] / 255.0
    tones = np.clip(255 * (levels**gamma) * tint + offset, 0, 255).astype(np.uint8)[:, ::-1]  # (256, 3) BGR
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
    """Sample a square window that contains a random pixel of a random object; return left, top and side in pixels."""
    high, wide = labels.shape
    side = int(min(high, wide) * rng.uniform(0.6, 1.0))
    objects = np.unique(labels[labels > 0])
    if len(objects):
        rows, columns = np.nonzero(labels == objects[rng.integers(len(objects))])
        pixel = rng.integers(len(rows))
        place = np.array([columns[pixel], rows[pixel]]) - side * rng.uniform(0.2, 0.8, 2)
    else:
        place = rng.uniform(0, 1, 2) * (wide - side, high - side)
    x, y = np.clip(place, 0, (wide - side, high - side)).astype(int)
    return int(x), int(y), side
