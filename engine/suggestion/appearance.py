"""Appearance: small descriptors of frames, made from their attention keys, by which frames of a clip are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..memory.tokens import Tokens

_SAMPLES = 64  # frames from which the clip's typical distance is measured
_ALL = slice(None)


class Appearance:
    """How much alike the frames of a clip look.

    A frame is described by the mean of its attention keys, over all cells and over those of the objects, and by their
    spread: (3 CK,). Distances are measured in units of the clip's median distance.
    """

    def __init__(self, frames: Sequence[int], descriptors: NDArray[np.float32]) -> None:
        """Compare the media frames `frames` by their descriptors (N, D)."""
        self.frames = tuple(frames)
        self._descriptors = descriptors
        step = max(1, len(descriptors) // _SAMPLES)
        pairs = np.concatenate([self._distances(row)[::step] for row in range(0, len(descriptors), step)])
        apart = pairs[pairs > 0]
        self._unit = float(np.median(apart)) if apart.size else 1.0

    @classmethod
    def of(
        cls,
        frames: Sequence[int],
        keys: Callable[[int], Tokens],
        weights: Mapping[int, Tensor],
        step: Callable[[int, int], None],
    ) -> Appearance:
        """Describe `frames` by their keys, and by the object weight of each cell (N,); frames without one show none.

        `step(done, total)` reports progress and may raise to stop.
        """
        rows = []
        for done, frame in enumerate(frames, 1):
            rows.append(describe(keys(frame)["key"], weights.get(frame)))
            step(done, len(frames))
        return cls(frames, np.stack(rows))

    def distances(self, place: int, others: slice = _ALL) -> NDArray[np.float32]:
        """Return the distances of the frames `others` to that at index `place`; 1 is the clip's median distance."""
        return self._distances(place, others) / self._unit

    def _distances(self, place: int, others: slice = _ALL) -> NDArray[np.float32]:
        return np.linalg.norm(self._descriptors[others] - self._descriptors[place], axis=1)


def describe(key: Tensor, weight: Tensor | None) -> NDArray[np.float32]:
    """Describe a frame by its keys (CK, N) and the object weight of each cell (N,), as a vector (3 CK,)."""
    whole, spread = key.mean(1), key.std(1, correction=0)
    covered = weight is not None and float(weight.sum()) > 0
    inside = (key * weight).sum(1) / weight.sum() if weight is not None and covered else whole
    return torch.cat([whole, spread, inside]).float().cpu().numpy()
