"""Fusion of the two sweeps over a sequence: the first one's probabilities wait on disk for those of the second."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...inference.mattes import Matte
from ...inference.sweeps import Sweep
from ...output.fusion import Quality, fuse
from ...quality.account import QualityAccount
from ...quality.signals import Signals

_WHITE = np.float32(255)  # a job stores the mattes of the first sweep as bytes, too

Result = tuple[int, tuple[int, ...], NDArray[np.float32]]  # frame, its objects, their probabilities (1 + O, H, W)


class SweepFusion(AbstractContextManager["SweepFusion"]):
    """Takes the frames of one or two sweeps; gives each frame's result once both have reached it."""

    def __init__(self, sweeps: Sequence[Sweep], account: QualityAccount) -> None:
        """Set up fusion; `account` tells from a matte's signals which sweep is likelier right where they differ."""
        self._account = account
        self._signals: dict[int, Mapping[int, Signals]] = {}  # of the first sweep, by frame and object
        self._later = [set(sweep.frames).intersection(sweep.wanted) for sweep in sweeps]
        self._folder = tempfile.TemporaryDirectory(prefix="keymatte-") if len(sweeps) > 1 else None

    def __exit__(self, *_: object) -> None:
        if self._folder:
            self._folder.cleanup()

    def add(self, frame: int, matte: Matte, probabilities: NDArray[np.float32]) -> Iterator[Result]:
        """Take what a sweep has computed of a frame; return the frame's result if no other sweep comes."""
        if self._folder is None:
            return iter([(frame, matte.objects, probabilities)])
        file = Path(self._folder.name) / f"{frame}.npz"
        if matte.sweep == 0 and frame in self._later[1]:
            self._signals[frame] = matte.signals
            alpha = np.rint(probabilities * _WHITE).astype(np.uint8)
            np.savez(file, objects=np.array(matte.objects), alpha=alpha)
            return iter(())
        if not file.exists():
            return iter([(frame, matte.objects, probabilities)])
        with np.load(file) as first:
            earlier = {int(id_): alpha / _WHITE for id_, alpha in zip(first["objects"], first["alpha"][1:])}
        file.unlink()
        return iter([self._fused(earlier, matte, probabilities)])

    def _fused(
        self, earlier: dict[int, NDArray[np.float32]], matte: Matte, probabilities: NDArray[np.float32]
    ) -> Result:
        """Fuse the second sweep's probabilities with those of the first, by object."""
        later = dict(zip(matte.objects, probabilities[1:], strict=True))
        weights = dict(zip(matte.objects, matte.blend_weights, strict=True))
        objects = tuple(sorted({*earlier, *later}))
        alphas = []
        for id_ in objects:
            if id_ in earlier and id_ in later:
                alphas.append(fuse(earlier[id_], later[id_], weights[id_], self._quality(matte, id_)))
            else:
                alphas.append(earlier[id_] if id_ in earlier else later[id_])
        alpha = np.stack(alphas)
        background = np.clip(1 - alpha.sum(0, keepdims=True), 0, 1)
        return matte.frame, objects, np.concatenate([background, alpha]).astype(np.float32)

    def _quality(self, matte: Matte, id_: int) -> Quality | None:
        """Return the probability that each sweep's matte of an object is right; None if one is not known."""
        signals = self._signals[matte.frame].get(id_, {}), matte.signals.get(id_, {})
        first, second = (self._account.probability(one) for one in signals)
        return None if first is None or second is None else (first, second)
