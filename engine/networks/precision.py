"""AutocastNetwork: wrapper by which any network computes in half precision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..memory.bank import MemoryView
from ..memory.entry import Entry
from .network import (
    AttachesFlow,
    CountsObjects,
    DistilsPrototypes,
    EncodesAhead,
    EncodesBatches,
    EstimatesQuality,
    Features,
    FoldsEntries,
    MemorizesPermanent,
    Network,
)


class AutocastNetwork:
    """Wrapper that runs a network's methods under autocast and returns predictions as float32."""

    def __init__(self, network: Network, device: torch.device, dtype: torch.dtype) -> None:
        """Wrap the methods that every network has; the function `autocast` also wraps optional capabilities."""
        self.network = network
        self.stride, self.max_objects = network.stride, network.max_objects
        self._device_type, self._dtype = device.type, dtype

    def encode(self, image: Tensor) -> Features:
        with self._autocast():
            return self.network.encode(image)

    def segment(self, features: Features, memory: MemoryView, state: Any) -> tuple[Tensor, Any]:
        with self._autocast():
            probabilities, state = self.network.segment(features, memory, state)
        return probabilities.float(), state

    def memorize_keyframe(self, frame: int, features: Features, masks: Tensor, state: Any) -> tuple[Entry, Any]:
        with self._autocast():
            return self.network.memorize_keyframe(frame, features, masks, state)

    def memorize(self, frame: int, features: Features, masks: Tensor, state: Any) -> tuple[Entry, Any]:
        with self._autocast():
            return self.network.memorize(frame, features, masks, state)

    def update_state(self, frame: int, features: Features, masks: Tensor, state: Any) -> Any:
        with self._autocast():
            return self.network.update_state(frame, features, masks, state)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(device_type=self._device_type, dtype=self._dtype)


class _Ahead(AutocastNetwork, EncodesAhead):
    @property
    def encodes_ahead(self) -> bool:
        assert isinstance(self.network, EncodesAhead)
        return self.network.encodes_ahead

    @encodes_ahead.setter
    def encodes_ahead(self, value: bool) -> None:
        assert isinstance(self.network, EncodesAhead)
        self.network.encodes_ahead = value


class _Batches(AutocastNetwork, EncodesBatches):
    def encode_batch(self, images: Tensor) -> Sequence[Features]:
        assert isinstance(self.network, EncodesBatches)
        with self._autocast():
            return self.network.encode_batch(images)


class _Flow(AutocastNetwork, AttachesFlow):
    def attach_flow(self, features: Any, previous: Any) -> Features:
        assert isinstance(self.network, AttachesFlow)
        return self.network.attach_flow(features, previous)


class _Quality(AutocastNetwork, EstimatesQuality):
    def estimate_quality(self, state: Any) -> Tensor | None:
        assert isinstance(self.network, EstimatesQuality)
        return self.network.estimate_quality(state)


class _Counts(AutocastNetwork, CountsObjects):
    def first_state(self, objects: int) -> Any:
        assert isinstance(self.network, CountsObjects)
        return self.network.first_state(objects)


class _Permanent(AutocastNetwork, MemorizesPermanent):
    def memorize_permanent(self, frame: int, features: Any, masks: Tensor, *, among: int) -> Entry:
        assert isinstance(self.network, MemorizesPermanent)
        with self._autocast():
            return self.network.memorize_permanent(frame, features, masks, among=among)


class _Prototypes(AutocastNetwork, DistilsPrototypes):
    def distil(self, entries: Sequence[Entry], count: int) -> Entry:
        assert isinstance(self.network, DistilsPrototypes)
        return self.network.distil(entries, count)


class _Folds(AutocastNetwork, FoldsEntries):
    def modulate(self, new: Entry, old: Entry) -> Entry:
        assert isinstance(self.network, FoldsEntries)
        return self.network.modulate(new, old)


_CAPABILITIES: dict[type, type[AutocastNetwork]] = {
    EncodesAhead: _Ahead,
    EncodesBatches: _Batches,
    AttachesFlow: _Flow,
    EstimatesQuality: _Quality,
    CountsObjects: _Counts,
    MemorizesPermanent: _Permanent,
    DistilsPrototypes: _Prototypes,
    FoldsEntries: _Folds,
}


def autocast(network: Network, device: torch.device, dtype: torch.dtype) -> AutocastNetwork:
    """Wrap `network` to run under autocast to `dtype`; the result has the same optional capabilities."""
    bases = [wrapper for capability, wrapper in _CAPABILITIES.items() if isinstance(network, capability)]
    kind = type("AutocastNetwork", tuple(bases), {}) if bases else AutocastNetwork
    return kind(network, device, dtype)
