"""What every segmenter does: it makes an object's alpha from a picture and marks."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ..shared.errors import EngineError


class NotSeparable(EngineError):
    """The object cannot be told from the background by what was marked."""

    code = "not-separable"
    default_remedy = "The mask is left as it was. Mark the object more closely, or paint it."


class Segmenter(Protocol):
    """Function that segments one object in one picture."""

    def __call__(self, picture: np.ndarray, marks: np.ndarray) -> np.ndarray:
        """Return the object's alpha (H, W) uint8 in a picture (H, W, 3) uint8 RGB; `marks` (H, W) uint8, of `Mark`.

        Alpha is 255 where the marks say OBJECT and 0 where they say NOT_OBJECT; from 128 on, a pixel belongs to the
        object. Raises NotSeparable.
        """
        ...
