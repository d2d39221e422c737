"""Marks: what the user has said about each pixel of a picture that is to be segmented."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Mark(IntEnum):
    """What is known of a pixel. The numbers are grey values, so that an image of marks can be looked at."""

    NOT_OBJECT = 0  # surely not; a segmenter never makes it part of the object
    UNLIKELY = 85  # outside the rough mask, but it may belong to the object if that is close
    LIKELY = 170  # inside the rough mask
    OBJECT = 255  # surely; a segmenter always makes it part of the object


Mask = NDArray[np.bool_]


def marks_of(rough: Mask, *, sure: Mask | None = None, excluded: Mask | None = None) -> NDArray[np.uint8]:
    """Return the marks (H, W) uint8 for a rough mask; all masks are (H, W) bool.

    Pixels that are `sure` belong to the object, even where they are `excluded`; other excluded pixels do not. With an
    empty rough mask, the sure pixels are strokes on an object of unknown extent.
    """
    marks = np.where(rough, np.uint8(Mark.LIKELY), np.uint8(Mark.UNLIKELY))
    if excluded is not None:
        marks[excluded] = Mark.NOT_OBJECT
    if sure is not None:
        marks[sure] = Mark.OBJECT
    return marks
