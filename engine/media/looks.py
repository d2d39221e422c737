"""Looks of a film's frames: cuts, frames that repeat the one before, and frames on which nothing can be seen."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .cuts import Copy, Step, compare, find_cuts

_FAINT = 8.0  # levels of 255: a frame whose small copy spans less keeps no memory
_FLAT = 3.0  # levels: nothing can be seen on a frame whose small copy spans less
_MEMORY = 3  # copies of earlier frames that a frame is compared with
_HALF_BLOCK = 8  # pixels: half a side of the squares whose mean difference is measured; they overlap by half
# Levels of the mean difference in the square that differs most. Re-encoding a frame with x264 at -crf 18 changes it by
# up to 2 levels, while a disc of 12 pixels that is 40 levels darker than its ground makes 4 when it moves by a pixel.
_EQUAL = 1.0
_ALIKE = 2.5  # of repeats in a film that moves: less than `_SHARE` of the change with which the run began
_SHARE = 0.25
# A small object that moves by a pixel changes that mean less than the codec does, but brighter or darker as a whole.
# Codecs change textured places most, in both directions: smoothed and relative to the texture, noise is smaller.
_MOVED = 0.85  # smoothed change of brightness, in units of what is expected of a codec
_SMOOTH = 1.5  # pixels: sigma of the smoothing
_LEVEL, _PER_TEXTURE = 2.0, 0.1  # levels that a codec changes: on flat ground, and per level of texture
_TEXTURE_SIDE = 9  # pixels: side of the squares whose standard deviation is the texture
_MAX_COPY_CHANGE = 12.0  # levels of a small copy: a larger change needs no closer look


@dataclass(frozen=True)
class Looks:
    """What a film's frames look like, from media frame `start` on."""

    start: int
    cuts: tuple[int, ...]  # media frames with which another shot begins, ascending
    repeats: NDArray[np.bool_]  # (N,) whether a frame shows the same as the one before it
    faint: NDArray[np.bool_]  # (N,) whether too little can be seen to remember the frame
    flat: NDArray[np.bool_]  # (N,) whether nothing can be seen; such frames are faint too

    @property
    def frames(self) -> range:
        """Return the media frames that were looked at."""
        return range(self.start, self.start + len(self.repeats))

    def faint_frames(self) -> frozenset[int]:
        """Return the media frames of which too little can be seen to remember them."""
        return frozenset((self.start + np.flatnonzero(self.faint)).tolist())

    def flat_frames(self) -> frozenset[int]:
        """Return the media frames on which nothing can be seen."""
        return frozenset((self.start + np.flatnonzero(self.flat)).tolist())


class LookFinder:
    """Looks at the frames of a film one after another; only the last few are kept in memory."""

    def __init__(self, start: int = 0) -> None:
        """Begin at media frame `start`."""
        self._start = start
        self._repeats: list[bool] = []
        self._spans: list[float] = []  # of the small copies, in levels; infinite for frames that cannot be read
        self._steps: list[Step] = []
        self._copies: list[Copy] = []  # of the last frames that are counted, the nearest first
        self._held: NDArray[np.uint8] | None = None  # the first frame of the present run of repeats
        self._held_copy: Copy | None = None
        self._run_change = 0.0  # between the present run and the frame before it

    def add(self, pixels: NDArray[np.uint8] | None) -> None:
        """Add the next frame (H, W, 3) uint8 RGB; None if it cannot be read."""
        if pixels is None:
            self._repeats.append(False)
            self._spans.append(np.inf)
            self._held = None
            return
        frame = self._start + len(self._spans)
        copy = Copy(pixels)
        repeats = self._is_repeat(pixels, copy)
        self._repeats.append(repeats)
        self._spans.append(self._spans[-1] if repeats else copy.span)
        if not repeats:
            self._held, self._held_copy = pixels, copy
            if self._spans[-1] >= _FAINT:
                self._steps.append(compare(frame, copy, self._copies))
                self._copies = [copy, *self._copies[: _MEMORY - 1]]

    def looks(self) -> Looks:
        """Return what the frames added so far look like."""
        spans = np.array(self._spans)
        cuts = tuple(self._begin(cut) for cut in find_cuts(self._steps))
        return Looks(self._start, cuts, np.array(self._repeats, bool), spans < _FAINT, spans < _FLAT)

    def _is_repeat(self, pixels: NDArray[np.uint8], copy: Copy) -> bool:
        """Return whether a frame is the first of its run again; if not, keep by how much it differs."""
        if self._held is None or self._held_copy is None or self._held.shape != pixels.shape:
            self._run_change = 0.0
            return False
        coarse = float(np.abs(copy.grey - self._held_copy.grey).max())
        if coarse > _MAX_COPY_CHANGE:
            self._run_change = coarse
            return False
        change = largest_difference(self._held, pixels)
        if change <= max(_EQUAL, min(_ALIKE, _SHARE * self._run_change)) and not has_moved(self._held, pixels):
            return True
        self._run_change = change
        return False

    def _begin(self, cut: int) -> int:
        """Return where the shot of a cut begins: after the faintest frame, if the film fades out and in again."""
        first = cut
        while first > self._start and self._spans[first - 1 - self._start] < _FAINT:
            first -= 1
        gap = self._spans[first - self._start : cut - self._start]
        return cut if not gap else cut - gap[::-1].index(min(gap))


def has_moved(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> bool:
    """Return whether brightness differs anywhere between two pictures by more than encoding them explains."""
    grey, other = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) for picture in (a, b))
    if not (difference := other - grey).any():
        return False
    square = (_TEXTURE_SIDE, _TEXTURE_SIDE)
    variance = cv2.blur(grey * grey, square) - cv2.blur(grey, square) ** 2
    expected = _LEVEL + _PER_TEXTURE * np.sqrt(np.maximum(variance, 0))
    return bool((np.abs(cv2.GaussianBlur(difference, (0, 0), _SMOOTH)) > _MOVED * expected).any())


def largest_difference(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Return the mean absolute difference, in levels, of two pictures in the square where they differ most."""
    difference = cv2.absdiff(a, b)
    size = max(2, a.shape[1] // _HALF_BLOCK), max(2, a.shape[0] // _HALF_BLOCK)
    halves = cv2.resize(difference, size, interpolation=cv2.INTER_AREA).astype(np.float32).mean(axis=2)
    return float((halves[1:, 1:] + halves[1:, :-1] + halves[:-1, 1:] + halves[:-1, :-1]).max() / 4)
