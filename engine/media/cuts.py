"""Hard cuts of a film, found by comparing small copies of neighbouring frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

COPY_SIZE = 64, 48  # width and height of the small grey copies, in pixels
_BLOCK, _SEARCH = (16, 12), (12, 9)  # pixels of a copy that are matched together, and how far around they are sought
_MIN_TEXTURE, _MAX_TEXTURE = 0.5, 20.0  # standard deviation of a block: below it says nothing, above it counts no more
_NOISE = 2.0  # levels, added to the contrast by which copies are normalised
_CANDIDATE = 0.15  # change from which a cut is possible at all
_FLOOR = 0.05  # added to changes before their logarithm is taken
_NEIGHBOURS = (-2, -1, 1, 2)
_QUIET = float(np.log(0.15))  # log change that stands for neighbours which a short film lacks
_RETURN = 0.6  # a flash is over when the change to the frame before it is below this share of the change into it
# Logistic regression on films joined from real clips, see `tests/cut_finding.py`: match, log change, mean log change
# of the neighbours.
_WEIGHTS, _BIAS = (-2.96, 5.39, -4.17), -2.32
# Two frames as unlike as this have nothing in common.
_STRANGE_MATCH, _STRANGE_CHANGE, _STRANGE_COLOURS = 0.85, 0.6, 0.5
_BINS = 8  # of each colour channel's histogram


class Copy:
    """Small copy of a frame, by which it is compared with others."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        """Make the copy of a frame (H, W, 3) uint8 RGB."""
        self.colours = np.asarray(cv2.resize(pixels, COPY_SIZE, interpolation=cv2.INTER_AREA), np.uint8)
        self.grey = np.asarray(cv2.cvtColor(self.colours, cv2.COLOR_RGB2GRAY), np.float32)
        self.normalised = (self.grey - self.grey.mean()) / (self.grey.std() + np.float32(_NOISE))

    @property
    def span(self) -> float:
        """Return the levels, 0..255, that the copy spans in the channel where they are most."""
        return float(np.ptp(self.colours.reshape(-1, 3).astype(np.int16), axis=0).max())


@dataclass(frozen=True)
class Step:
    """How a frame differs from those before it; frames that repeat another or show nothing are not counted."""

    frame: int
    changes: tuple[float, ...]  # to the last, second to last and third to last frame before, as far as they exist
    match: float = 1.0  # how well parts of the frame are found again in the one before, up to 1
    colours: float = 1.0  # share of the colours that it has in common with the one before, 0..1


def compare(frame: int, copy: Copy, before: Sequence[Copy]) -> Step:
    """Compare a frame's copy with those of up to three frames before it, nearest first."""
    changes = tuple(float(np.abs(copy.normalised - other.normalised).mean()) for other in before)
    if not changes or changes[0] < _CANDIDATE:
        return Step(frame, changes)
    return Step(frame, changes, _match(before[0].grey, copy.grey), _common_colours(before[0].colours, copy.colours))


def find_cuts(steps: Sequence[Step]) -> list[int]:
    """Return the frames with which another shot begins, given the steps of a film in order.

    A change is a cut if it is large beside those around it and parts of the frame are not found in the one before.
    Where neighbours have nothing in common at all, as in a film of single pictures, each begins a shot. Brightness does
    not matter. After a flash of one or two frames the film goes on as it was, which is no cut.
    """
    logs = [float(np.log(step.changes[0] + _FLOOR)) if step.changes else _QUIET for step in steps]
    return [steps[i].frame for i in range(1, len(steps)) if _is_cut(steps, logs, i)]


def _is_cut(steps: Sequence[Step], logs: Sequence[float], i: int) -> bool:
    step = steps[i]
    change = step.changes[0]
    if change < _CANDIDATE:
        return False
    around = [logs[i + k] if 0 < i + k < len(steps) else _QUIET for k in _NEIGHBOURS]
    score = np.dot(_WEIGHTS, (step.match, logs[i], float(np.mean(around)))) + _BIAS
    if score <= 0 and not all(_is_strange(other) for other in steps[max(1, i - 2) : i + 3]):
        return False
    begins = [later.changes[k] for k, later in enumerate(steps[i + 1 : i + 3], 1) if len(later.changes) > k]
    ends = step.changes[1:]
    return min((*begins, *ends), default=np.inf) >= _RETURN * change


def _is_strange(step: Step) -> bool:
    unlike = step.match < _STRANGE_MATCH and step.colours < _STRANGE_COLOURS
    return unlike and step.changes[0] > _STRANGE_CHANGE


def _match(before: NDArray[np.float32], copy: NDArray[np.float32]) -> float:
    """Return how well the blocks of a copy are found near their place before: mean correlation, weighted by texture."""
    (width, height), (right, down) = _BLOCK, _SEARCH
    wide = cv2.copyMakeBorder(before, down, down, right, right, cv2.BORDER_REFLECT_101)
    found, weights = [], []
    for y in range(0, COPY_SIZE[1], height):
        for x in range(0, COPY_SIZE[0], width):
            block = copy[y : y + height, x : x + width]
            texture = float(block.std())
            if texture >= _MIN_TEXTURE:
                area = wide[y : y + height + 2 * down, x : x + width + 2 * right]
                found.append(float(cv2.matchTemplate(area, block, cv2.TM_CCOEFF_NORMED).max()))
                weights.append(min(texture, _MAX_TEXTURE))
    return float(np.average(found, weights=weights)) if found else 1.0


def _common_colours(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Return the intersection of two copies' colour histograms, 0..1: the least of the three channels."""
    shared = []
    for channel in range(3):
        counts = [np.bincount(copy[..., channel].ravel() // (256 // _BINS), minlength=_BINS) for copy in (a, b)]
        shared.append(np.minimum(*counts).sum() / counts[0].sum())
    return float(min(shared))
