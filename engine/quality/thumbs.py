"""Thumbs: small grey copies of the frames that were read, on which motion between frames is measured."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

SIDE = 240  # pixels: shorter side of a copy, at most
_KEPT = 64  # copies: more than are read ahead

ReadFrame = Callable[[int], NDArray[np.uint8] | None]


def thumb_size(height: int, width: int) -> tuple[int, int]:
    """Return the size (h, w) of the copies of frames of this size."""
    scale = min(SIDE / min(height, width), 1.0)
    return max(round(height * scale), 1), max(round(width * scale), 1)


class Thumbs:
    """Grey copies (h, w) uint8 of the latest frames that were read; frames may be read in any thread."""

    def __init__(self, read: ReadFrame) -> None:
        self._read = read
        self._copies: OrderedDict[int, torch.Tensor] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, frame: int) -> NDArray[np.uint8] | None:
        """Read a frame (H, W, 3) RGB and keep a copy; None if it cannot be read."""
        pixels = self._read(frame)
        if pixels is not None:
            height, width = thumb_size(*pixels.shape[:2])
            grey = cv2.cvtColor(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
            with self._lock:
                self._copies[frame] = torch.from_numpy(grey)
                self._copies.move_to_end(frame)
                while len(self._copies) > _KEPT:
                    self._copies.popitem(last=False)
        return pixels

    def of(self, frame: int) -> torch.Tensor | None:
        """Return the copy of a frame; None if it was not read, or too long ago."""
        with self._lock:
            return self._copies.get(frame)
