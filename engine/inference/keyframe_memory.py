"""Keyframes as a network sees them: their masks, and the memory entries that are made of permanent ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..memory.entry import Entry
from ..networks.network import Features, MemorizesPermanent, Network
from .mask_merging import GroupPrediction, MaskMerger
from .sweeps import KeyframePolicy, ObjectGroup

Labels = Mapping[int, NDArray[np.uint8]]  # media frame -> keyframe labels (H, W)


@dataclass(frozen=True)
class PermanentEntries:
    """Memory entries of all keyframes of a group, made before the first frame is segmented."""

    objects: tuple[int, ...] = ()  # in the order of the entries' rows
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Keyframes:
    """The keyframes of a clip, and what a method makes of them."""

    truth: Labels
    network: Network
    merger: MaskMerger
    policy: KeyframePolicy
    device: torch.device

    def masks(self, objects: Iterable[int], frame: int) -> dict[int, Tensor]:
        """Return the keyframe masks of `objects` on `frame`, each (H, W) at the clip's size; empty if absent there."""
        labels = self.truth[frame] if frame in self.truth else np.zeros_like(next(iter(self.truth.values())))
        masks = ((number, torch.from_numpy(labels == number)) for number in objects)
        return {number: mask.float().to(self.device) for number, mask in masks}

    def visible(self, objects: Iterable[int], frame: int) -> list[int]:
        """Return `objects`; if all objects share one memory, only those with pixels on the keyframe at `frame`."""
        return [number for number in objects if not self.policy.shared_memory or (self.truth[frame] == number).any()]

    def memorize(
        self, groups: Sequence[ObjectGroup], encoded: Iterable[tuple[int, Features]]
    ) -> dict[ObjectGroup, PermanentEntries]:
        """Make permanent memory entries, for each group, of the encoded keyframes."""
        known: dict[ObjectGroup, list[int]] = {group: [] for group in groups}
        entries: dict[ObjectGroup, list[Entry]] = {group: [] for group in groups}
        for frame, features in encoded:
            for group in groups:
                annotated = group.annotated(frame)
                if self.policy.shared_memory:  # an object gets a row with the first keyframe that shows it
                    known[group] += [i for i in self.visible(annotated, frame) if i not in known[group]]
                    annotated = tuple(number for number in known[group] if number in annotated)
                elif annotated:
                    known[group] = list(group.objects)
                if annotated:
                    entries[group].append(self._entry(group, frame, features, annotated, known[group]))
        return {group: PermanentEntries(tuple(known[group]), tuple(entries[group])) for group in groups}

    def _entry(
        self, group: ObjectGroup, frame: int, features: Features, annotated: tuple[int, ...], known: Sequence[int]
    ) -> Entry:
        """Encode a keyframe of a group into a pinned memory entry; `known` are all objects with memory rows so far."""
        predictions = [GroupPrediction(annotated, 0, None)]
        masks = self.merger.merge(predictions, self.masks(annotated, frame)).masks[0]
        if isinstance(self.network, MemorizesPermanent):
            entry = self.network.memorize_permanent(frame, features, masks, among=len(group.keyframes))
        else:
            entry, _ = self.network.memorize_keyframe(frame, features, masks, None)
        if entry.objects:
            entry = entry.restricted_to(tuple(known.index(number) for number in annotated))
        if frame == self.policy.first_value_frame:
            entry = entry.with_first_value()
        return entry.as_pinned()
