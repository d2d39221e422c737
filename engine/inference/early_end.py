"""Early ends: where a walk away from a changed keyframe stops, as its mattes agree with those of earlier runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .mattes import Matte
from .sweeps import Sweep

Agrees = Callable[[Matte], bool]  # whether the mattes of a frame agree with the earlier ones


class EarlyEnds:
    """Tells of each side of a changed keyframe whether, and where, the walk on it has ended."""

    def __init__(self, agrees: Agrees, frames: int, ended: Mapping[int, int] | None = None, agreeing: int = 0) -> None:
        """Set up; a walk ends when mattes agree on this number of `frames` in a row.

        To go on with a walk, give `ended` and `agreeing` as they were.
        """
        self._agrees = agrees
        self._frames = frames
        self.ended = {**(ended or {})}  # side -> the frame at which its walk ended
        self.agreeing = agreeing  # frames in a row, up to the last one of the walk

    def is_over(self, sweep: Sweep) -> bool:
        """Return whether the walk on the side of this sweep has ended, so that the sweep makes no further mattes."""
        return sweep.side in self.ended

    def start(self) -> None:
        """Note that a sweep begins."""
        self.agreeing = 0

    def take(self, sweep: Sweep, matte: Matte) -> int | None:
        """Take in the next mattes of a sweep; return the number of its side if the walk ends with them."""
        if sweep.side is None or not sweep.walks_away:
            return None
        self.agreeing = self.agreeing + 1 if self._agrees(matte) else 0
        if self.agreeing < self._frames or matte.frame == sweep.frames[-1]:
            return None
        self.ended[sweep.side] = matte.frame
        return sweep.side


NEVER = EarlyEnds(lambda matte: False, 1)
