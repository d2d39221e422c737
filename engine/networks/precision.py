"""A network computed in less than float32, where a device gains from it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..memory.bank import MemoryView
from ..memory.entry import Entry
from .network import Features, Network

_ALSO = ("encode_all", "pin")  # what is computed so too of a network that has it


class InHalf:
    """The five verbs under autocast to `dtype`; keys, likeness and the probabilities that leave it stay float32."""

    def __init__(self, network: Network, device: torch.device, dtype: torch.dtype) -> None:
        self.network = network
        self.stride, self.max_objects = network.stride, network.max_objects
        self._kind = {"device_type": device.type, "dtype": dtype}

    def encode(self, image: Tensor) -> Features:
        with torch.autocast(**self._kind):
            return self.network.encode(image)

    def segment(self, features: Features, memory: MemoryView, state: Any) -> tuple[Tensor, Any]:
        with torch.autocast(**self._kind):
            probabilities, state = self.network.segment(features, memory, state)
        return probabilities.float(), state

    def refer(self, frame: int, features: Features, masks: Tensor, state: Any) -> tuple[Entry, Any]:
        with torch.autocast(**self._kind):
            return self.network.refer(frame, features, masks, state)

    def memorize(self, frame: int, features: Features, masks: Tensor, state: Any) -> tuple[Entry, Any]:
        with torch.autocast(**self._kind):
            return self.network.memorize(frame, features, masks, state)

    def settle(self, frame: int, features: Features, masks: Tensor, state: Any) -> Any:
        with torch.autocast(**self._kind):
            return self.network.settle(frame, features, masks, state)

    def __getattr__(self, name: str) -> Any:
        """Learned memory steps, such as `modulate`, and whatever else it has beside the verbs."""
        if name == "network":  # it is not there yet, as in a copy that is being made
            raise AttributeError(name)
        found = getattr(self.network, name)
        return torch.autocast(**self._kind)(found) if name in _ALSO else found
