"""Walks away from changed keyframes: how their mattes compare with earlier ones, and what is done where one ends."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ..inference.mattes import Matte
from ..output.matte_files import read_existing
from ..output.mattes import Exclude, MatteWriter
from ..shared.types import EarlyEnd
from .plan import JobPlan
from .resume import JobCheckpoint

_INSIDE = 0.5  # from this alpha on, a pixel is the object's


class Walks:
    """Compares the mattes of a walk with those before this run, and joins them where it ends early."""

    def __init__(
        self, plan: JobPlan, mattes: MatteWriter, checkpoint: JobCheckpoint, exclude: Exclude, limit: EarlyEnd
    ) -> None:
        """Set up; `exclude` is that of the mattes' writer."""
        self._plan = plan
        self._mattes = mattes
        self._checkpoint = checkpoint
        self._exclude = exclude
        self._limit = limit
        self._size = next(iter(plan.marked.values())).shape
        self.ends: list[int] = []  # media frames at which walks have ended
        self.left: list[int] = []  # media frames beyond, whose mattes were left as they were

    def agrees(self, matte: Matte) -> bool:
        """Return whether the mattes of a frame differ from the earlier ones by less than the limit.

        The earlier ones are kept until the job has ended, as those on disk are about to be replaced.
        """
        new = self._exclude(matte.frame, matte.objects, matte.alpha)
        earlier = [self.earlier(object_id, matte.frame) for object_id in matte.objects]
        return all(old is not None and self._agree(alpha, old) for alpha, old in zip(new, earlier, strict=True))

    def _agree(self, new: NDArray[np.float32], old: NDArray[np.float32]) -> bool:
        inside, before = new >= _INSIDE, old >= _INSIDE
        differing, area = np.count_nonzero(inside != before), max(inside.sum(), before.sum())
        return bool(not differing or differing < self._limit.share * area)

    def earlier(self, object_id: int, frame: int) -> NDArray[np.float32] | None:
        """Return the matte (H, W) of an object on a frame before this run; None if there is none, or it is damaged."""
        path = self._checkpoint.keep_earlier_matte(object_id, self._mattes.numbers[frame])
        return read_existing(path, self._size) if path else None

    def end(self, side: int, frame: int) -> None:
        """Blend the last mattes of a walk with the earlier ones, and leave those beyond the frame as they are."""
        sweep = next(one for one in self._plan.sweeps if one.side == side and one.walks_away)
        walk = [other for other in sweep.frames if other in sweep.wanted]
        count = walk.index(frame) + 1
        seam = walk[max(0, count - self._limit.frames) : count]
        for other in walk[: count - len(seam)]:
            self._mattes.finish(other)
        for place, other in enumerate(seam, 1):
            self._mattes.finish(other, self.earlier, place / (len(seam) + 1), seam=other == frame)
        self._leave(walk[count:])
        self.ends.append(frame)

    def _leave(self, frames: Iterable[int]) -> None:
        for frame in frames:
            self._mattes.leave(frame, self._plan.inputs.id)
            self.left.append(frame)
