"""Held frames of a sequence: of frames that show the same, only the first is segmented, as in Keymatte's own jobs."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from ...inference.frame_use import FrameUse
from ...media.looks import LookFinder

ReadImage = Callable[[int], NDArray[np.uint8]]


def find_use(read: ReadImage, frames: range, annotated: Collection[int]) -> FrameUse:
    """Look at all frames; return which show the same as those before them, and which show too little.

    A frame in `annotated` is always segmented. Raises what `read` does.
    """
    finder = LookFinder(frames.start)
    for frame in frames:
        finder.add(read(frame))
    looks = finder.looks()
    shown_by: dict[int, int] = {}
    shown = frames.start
    for frame in frames:
        if looks.repeats[frame - frames.start] and frame not in annotated:
            shown_by[frame] = shown
        else:
            shown = frame
    return FrameUse(shown_by, looks.faint_frames(), looks.flat_frames())
