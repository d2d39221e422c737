"""Tracker: the memory bank and network state of one group of objects during a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from ..memory.bank import MemoryBank
from ..networks.network import CountsObjects, EstimatesQuality, Features, Network
from .mask_merging import MergedMasks
from .sweeps import ObjectGroup, Sweep


class Tracker:
    """Tracks one group of objects through one sweep."""

    def __init__(self, network: Network, group: ObjectGroup, bank: MemoryBank, *, objects: Sequence[int]) -> None:
        """Start with the memory in `bank`; `objects` are the objects of its rows, in order."""
        self.group = group
        self.objects = list(objects)
        self._network = network
        self.restart(bank)

    def restart(self, bank: MemoryBank) -> None:
        """Forget what was tracked, and go on with the memory in `bank`."""
        self._bank = bank
        self._state: Any = None  # of a type of the network's own
        if isinstance(self._network, CountsObjects):
            self._state = self._network.first_state(len(self.group.objects))

    def has_memory(self) -> bool:
        """Return whether any object is tracked and memory holds an entry."""
        return bool(self.objects) and not self._bank.is_empty()

    def add_objects(self, objects: Sequence[int]) -> None:
        """Add objects to those that are tracked."""
        self.objects += [number for number in objects if number not in self.objects]

    def predict(self, features: Features) -> Tensor:
        """Segment a frame from memory; return the network's prediction before merging (see `Network.segment`)."""
        probabilities, self._state = self._network.segment(features, self._bank.view(), self._state)
        return probabilities

    def peek(self, features: Features) -> Tensor:
        """Segment a frame as `predict` does, without a trace in the network state or in the usage of memory."""
        return self._network.segment(features, self._bank.view().unrecorded(), self._state)[0]

    def update(self, frame: int, features: Features, masks: Tensor, merged: MergedMasks) -> None:
        """Update memory and network state with the merged masks (O, H', W') of a frame that is not a keyframe."""
        if self._bank.is_due(frame):
            # Only if a store needs it, as it makes a GPU wait; before memorizing, which replaces the state.
            quality = self._quality(merged) if self._bank.needs_quality else None
            entry, self._state = self._network.memorize(frame, features, masks, self._state)
            self._bank.write(entry if entry.quality is not None else replace(entry, quality=quality))
        self._state = self._network.update_state(frame, features, masks, self._state)

    def pass_keyframe(self, frame: int, features: Features, masks: Tensor) -> None:
        """Update the network state with the masks (O, H', W') of a keyframe; memory has held it from the start."""
        _, self._state = self._network.memorize_keyframe(frame, features, masks, self._state)
        self._bank.start_from(frame)
        self._state = self._network.update_state(frame, features, masks, self._state)

    def write_keyframe(self, frame: int, features: Features, masks: Tensor) -> None:
        """Write a keyframe's masks (O, H', W') to memory when the sweep reaches it, and update the network state."""
        entry, self._state = self._network.memorize_keyframe(frame, features, masks, self._state)
        self._bank.write(entry.as_pinned())
        self._state = self._network.update_state(frame, features, masks, self._state)

    def state_dict(self) -> tuple[list[int], Any, Any]:
        """Return the objects, memory and network state; permanent keyframes are left out."""
        return self.objects, self._bank.state_dict(), self._state

    def load_state_dict(self, state: tuple[list[int], Any, Any]) -> None:
        """Restore what `state_dict` of a tracker of the same group returned."""
        self.objects, bank, self._state = state
        self._bank.load_state_dict(bank)

    def estimates(self) -> list[float]:
        """Return the network's own estimates of the IoU, 0..1, of the masks of the last frame, if it has made any."""
        if not isinstance(self._network, EstimatesQuality):
            return []
        estimates = self._network.estimate_quality(self._state)
        return [] if estimates is None else [float(value) for value in estimates.cpu()]

    def _quality(self, merged: MergedMasks) -> float:
        """Return the quality, 0..1, of the worst of the merged masks: the network's estimate, else their confidence."""
        return min(self.estimates(), default=merged.confidence(self.objects))


def annotated_on(trackers: Sequence[Tracker], frame: int) -> set[int]:
    """Return the objects of trackers that are annotated on a frame."""
    return {number for tracker in trackers for number in tracker.group.annotated(frame)}


def reached_on(sweep: Sweep, frame: int, trackers: Sequence[Tracker]) -> list[tuple[int, tuple[int, ...]]]:
    """Return the objects for which the sweep has reached a keyframe by `frame`, each with its keyframes."""
    pairs = [pair for tracker in trackers for pair in tracker.group.keyframes_by_object()]
    return [(number, keyframes) for number, keyframes in pairs if sweep.reaches(keyframes, frame)]
