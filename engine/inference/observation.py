"""Observation of a sweep: hands what the quality account needs from frames, keyframes and networks to its signals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..networks.network import Features
from ..quality.exemplars import Exemplars
from ..quality.signals import HEAD, Signals, SweepSignals
from ..quality.thumbs import Thumbs
from ..shared.quality import GIVEN
from .encoding import ReadFrame
from .framing import Framing
from .mask_merging import MergedMasks
from .tracker import Tracker


class Observer:
    """Measures the signals of all objects' masks in one sweep after the other."""

    def __init__(self, read: ReadFrame, framing: Framing) -> None:
        """Set up observation of the frames that `read` returns; frames must be read through the observer."""
        self._thumbs = Thumbs(read)
        self._framing = framing
        self._exemplars = Exemplars()
        self._sweep = SweepSignals(self._exemplars)

    def read(self, frame: int) -> NDArray[np.uint8] | None:
        """Read a frame (H, W, 3) RGB for the network; None if it cannot be read."""
        return self._thumbs.read(frame)

    def forget(self) -> None:
        """Forget all keyframes and frames, before a run that starts again."""
        self._exemplars = Exemplars()
        self.start_sweep()

    def start_sweep(self) -> None:
        """Forget the previous frame; keyframes stay known."""
        self._sweep = SweepSignals(self._exemplars)

    def add_keyframe(self, features: Features, labels: NDArray[np.uint8], objects: Iterable[int]) -> None:
        """Take note of how `objects` look on a keyframe with `labels` (H, W)."""
        annotated = sorted(set(objects))
        if not annotated:
            return
        masks = torch.stack([torch.from_numpy(labels == number) for number in annotated]).float()
        working = self._framing.apply_masks(masks.to(features.image.device))
        coverage = functional.adaptive_avg_pool2d(working[None], features.grid)[0].flatten(1)
        self._exemplars.add(features.query["key"], dict(zip(annotated, coverage, strict=True)))

    def measure(
        self,
        frame: int,
        features: Features,
        merged: MergedMasks,
        trackers: Sequence[Tracker],
        annotated: set[int],
    ) -> dict[int, Signals]:
        """Measure the signals of all objects' masks on a frame, except those annotated on it.

        `trackers` belong to the rows of `merged.masks`.
        """
        thumb = self._thumbs.of(frame)
        if thumb is None:
            return {}
        masks: dict[int, Tensor] = {}
        estimates: dict[int, float] = {}
        for tracker, rows in zip(trackers, merged.masks, strict=True):
            masks |= dict(zip(tracker.objects, rows, strict=False))  # RMem has rows without an object
            estimates |= dict(zip(tracker.objects, tracker.estimates(), strict=False))
        return self._sweep.measure(
            thumb,
            features.query["key"],
            features.grid,
            merged.probability,
            masks,
            annotated=sorted(annotated),
            estimates=estimates,
        )

    def add_estimates(self, signals: dict[int, Signals], trackers: Sequence[Tracker]) -> None:
        """Add to the signals of a frame what networks estimate only once they have memorized it."""
        for tracker in trackers:
            for number, estimate in zip(tracker.objects, tracker.estimates(), strict=False):
                if number in signals and not {GIVEN, HEAD} & signals[number].keys():
                    signals[number] |= self._sweep.estimate_signals(number, estimate)

    def state_dict(self) -> tuple[Any, ...]:
        """Return what a resumed run needs to measure the same signals."""
        return self._sweep.tracks, self._sweep.thumb, self._exemplars.state_dict()

    def load_state_dict(self, state: tuple[Any, ...]) -> None:
        """Restore what `state_dict` returned."""
        tracks, thumb, exemplars = state
        self._exemplars.load_state_dict(exemplars)
        self._sweep = SweepSignals(self._exemplars, dict(tracks), thumb)
