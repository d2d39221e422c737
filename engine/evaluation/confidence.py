"""Crude stand-in for an account of quality: how little of a matte is neither inside nor outside."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..media.label_images import read_matte
from ..shared.matte_folder import MatteFolder
from ..suggestion.ranking import Account

_SOFT = 0.1, 0.9  # alpha of pixels that are neither inside nor outside
_UNSURE = 0.15  # share of soft pixels at which the quality is 1/2


def read_confidence(folder: MatteFolder, numbers: dict[int, int], objects: Iterable[int]) -> Account:
    """Judge the mattes in `folder` by their soft pixels; `numbers` maps media frame to file number.

    The quality is 1 / (1 + (s / 0.15)^2) for s soft pixels per pixel inside, which is calibrated on nothing.
    """
    quality: dict[int, dict[int, float]] = {}
    for frame, number in numbers.items():
        for object_id in objects:
            path = folder.matte(object_id, number)
            if path.is_file():
                alpha = read_matte(path)
                inside = float((alpha > 0.5).mean())
                soft = float(((alpha > _SOFT[0]) & (alpha < _SOFT[1])).mean())
                if inside:
                    quality.setdefault(frame, {})[object_id] = 1 / (1 + np.square(soft / inside / _UNSURE))
    return Account(quality, {frame: dict.fromkeys(objects_of, "edges") for frame, objects_of in quality.items()})
