"""A contact sheet of the films of a training, to look at before learning from them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from .films import Clip

_COLOURS = ((255, 60, 60), (60, 255, 60), (80, 140, 255), (255, 220, 60))


def sheet(path: Path, clips: Iterable[Clip]) -> None:
    """Write a PNG of films of one size and length, two to a row, with the outlines of their labels drawn in colour."""
    strips = [_strip(clip) for clip in clips]
    if len(strips) % 2:
        strips.append(np.zeros_like(strips[0]))
    gap = np.full((strips[0].shape[0], 12, 3), 255, np.uint8)
    rows = [np.hstack([left, gap, right]) for left, right in zip(strips[::2], strips[1::2], strict=True)]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


def _strip(clip: Clip) -> np.ndarray:
    """The frames of a film side by side, with outlines: (H, T * W, 3)."""
    frames = []
    for image, labels in zip(clip.images, clip.labels):
        image = image.copy()
        for label in range(1, clip.objects + 1):
            outlines, _ = cv2.findContours(np.uint8(labels == label), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(image, outlines, -1, _COLOURS[(label - 1) % len(_COLOURS)], 1)
        image[:, -2:] = 255
        image[-2:] = 255
        frames.append(image)
    return np.hstack(frames)
