"""Follows one group of objects over the frames of a sweep: its memory, and its network's state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from ..memory.bank import MemoryBank
from ..networks.network import Features, Network
from .mask_merging import Verdict
from .sweeps import ObjectGroup


class Tracker:
    """Follows one group of objects on one sweep: its memory and its state."""

    def __init__(self, network: Network, group: ObjectGroup, bank: MemoryBank, *, objects: Sequence[int]) -> None:
        """`objects` are those that `bank` knows already, in the order of its rows."""
        self.group = group
        self.objects = list(objects)
        self._network = network
        self._bank = bank
        self._state: Any = None

    def knows_anything(self) -> bool:
        """Whether there is something to follow yet."""
        return bool(self.objects) and not self._bank.holds_nothing()

    def meet(self, objects: Sequence[int]) -> None:
        """From now on these are followed too."""
        self.objects += [number for number in objects if number not in self.objects]

    def predict(self, features: Features) -> Tensor:
        """Probabilities (O, H', W') of each object by itself."""
        probabilities, self._state = self._network.segment(features, self._bank.view(), self._state)
        return probabilities

    def learn(self, frame: int, features: Features, masks: Tensor, verdict: Verdict) -> None:
        """Take the joint masks (O, H', W') of `frame` as what happened there."""
        if self._bank.wants(frame):
            # Only if asked: it makes a GPU wait for the processor. Before memorizing: the next state is of that.
            quality = self._quality(verdict) if self._bank.asks_for_quality else 1.0
            entry, self._state = self._network.memorize(frame, features, masks, self._state)
            self._bank.write(replace(entry, quality=quality))
        self._state = self._network.settle(frame, features, masks, self._state)

    def held(self) -> tuple[list[int], Any, Any]:
        """All that it has come to know, but for keyframes that were there from the beginning."""
        return self.objects, self._bank.held(), self._state

    def hold(self, held: tuple[list[int], Any, Any]) -> None:
        """Take over what another one of the same group `held`."""
        self.objects, bank, self._state = held
        self._bank.hold(bank)

    def _quality(self, verdict: Verdict) -> float:
        """How good what was just found is, 0..1: as a network that was trained to tell says, else how sure it is."""
        assess = getattr(self._network, "assess", None)
        told = assess(self._state) if assess else None
        return verdict.confidence(self.objects) if told is None else told

    def accept(self, frame: int, features: Features, masks: Tensor) -> None:
        """Take a keyframe's masks (O, H', W'); it is in permanent memory already."""
        _, self._state = self._network.refer(frame, features, masks, self._state)
        self._bank.start_from(frame)
        self._state = self._network.settle(frame, features, masks, self._state)

    def accept_and_write(self, frame: int, features: Features, masks: Tensor) -> None:
        """Take a keyframe's masks (O, H', W') where keyframes are remembered like other frames, when they are met."""
        entry, self._state = self._network.refer(frame, features, masks, self._state)
        self._bank.write(entry.as_pinned())
        self._state = self._network.settle(frame, features, masks, self._state)
