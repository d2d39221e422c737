"""Scale of the network's picture: how many times smaller than the clip it was where a matte was made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ..inference.crops import CANVAS, crop_side
from ..shared.alphas import FULL, INSIDE
from ..shared.crop_inputs import CROP, SMALL
from ..shared.matte_folder import MatteFolder
from ..shared.provenance import Runs
from ..shared.types import Settings


@dataclass(frozen=True)
class _Made:
    """What the settings of a run say of its mattes."""

    height: int = Settings.height  # working height, pixels
    followed: tuple[int, ...] = ()  # objects that crops have followed


class NetworkScale:
    """Tells the scale of mattes in a folder by the runs that have made them."""

    def __init__(self, folder: MatteFolder, size: tuple[int, int]) -> None:
        """Read the runs of a folder, whose clip has pictures of `size` (H, W)."""
        self._runs, self._size = Runs.read(folder), size
        self._made = lru_cache(maxsize=64)(self._settings_of)

    def of(self, run: str, object_id: int, alpha: NDArray[np.float32]) -> float:
        """Return the scale of an object's matte (H, W) that a run has made; with an unknown run, that of the defaults.

        A crop that has followed the object is as large as its box in the matte asks for.
        """
        made = self._made(run)
        whole = max(1.0, min(self._size) / max(made.height, 1))
        if object_id not in made.followed:
            return whole
        left, top, width, height = cv2.boundingRect((alpha >= INSIDE / FULL).view(np.uint8))
        if not width * height:
            return whole
        return min(whole, max(1.0, crop_side((left, top, left + width, top + height)) / CANVAS))

    def _settings_of(self, run: str) -> _Made:
        inputs = self._runs.by_id.get(run)
        try:
            settings = json.loads(inputs.settings) if inputs else {}
            followed = settings.get(SMALL, ()) if settings.get(CROP) else ()
            return _Made(int(settings.get("height", Settings.height)), tuple(map(int, followed)))
        except (ValueError, TypeError, AttributeError):  # a damaged record
            return _Made()
