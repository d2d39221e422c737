"""propagate(): keyframes and frames in, mattes out. Pure compute: knows no files and no particular network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .framing import Framing
from .layers.aggregate import aggregate
from .memory.bank import MemoryBank
from .memory.entry import Entry
from .networks.network import Features, Network
from .sweeps import ObjectGroup, Sweep, share

ReadFrame = Callable[[int], np.ndarray | None]  # media frame -> (H, W, 3) uint8 RGB, or None if it cannot be read
Truth = Mapping[int, np.ndarray]  # media frame -> keyframe labels (H, W) uint8


@dataclass(frozen=True)
class Matte:
    """What one sweep found at one frame, for the objects it carries there."""

    frame: int
    objects: tuple[int, ...]
    alpha: np.ndarray  # (O, H, W) float32 0..1, at the clip's size
    shares: tuple[float, ...]  # per object: how much of the final alpha this is, if another sweep was here before


class Tracker:
    """Follows one group of objects on one sweep: its memory and its state."""

    def __init__(self, network: Network, group: ObjectGroup, bank: MemoryBank) -> None:
        self.group = group
        self._network = network
        self._bank = bank
        self._state: Any = None

    def predict(self, features: Features) -> Tensor:
        """Probabilities (O, H', W') of each object by itself."""
        return self._network.segment(features, self._bank.view(), self._state)

    def learn(self, frame: int, features: Features, masks: Tensor) -> None:
        """Take the joint masks (O, H', W') of `frame` as what happened there."""
        self._state = self._network.settle(frame, features, masks, self._state)
        if self._bank.wants(frame):
            self._bank.write(self._network.memorize(frame, features, masks, self._state))

    def accept(self, frame: int, features: Features, masks: Tensor) -> None:
        """Take a keyframe's masks (O, H', W'); it is in permanent memory already."""
        self._state = self._network.settle(frame, features, masks, self._state)
        self._bank.start_from(frame)


class Walk:
    """Everything that stays the same while a clip is propagated."""

    def __init__(
        self,
        network: Network,
        new_bank: Callable[[], MemoryBank],
        *,
        framing: Framing,
        read: ReadFrame,
        truth: Truth,
        groups: Sequence[ObjectGroup],
        device: torch.device,
    ) -> None:
        self._network = network
        self._new_bank = new_bank
        self._framing = framing
        self._read = read
        self._truth = truth
        self._groups = groups
        self._device = device

    @torch.inference_mode()
    def propagate(self, sweeps: Sequence[Sweep]) -> Iterator[Matte]:
        """Mattes frame by frame. Every keyframe is in permanent memory before the first frame is computed."""
        pinned = self._pin_keyframes()
        for sweep in sweeps:
            yield from self._sweep(sweep, pinned)

    def _pin_keyframes(self) -> dict[ObjectGroup, list[Entry]]:
        pinned: dict[ObjectGroup, list[Entry]] = {group: [] for group in self._groups}
        for frame in sorted(self._truth):
            pixels = self._read(frame)
            if pixels is None:
                continue
            features = self._network.encode(self._framing.apply(pixels, self._device))
            for group in self._groups:
                if frame in group.keyframes:
                    entry = self._network.memorize(frame, features, self._given(group, frame), None)
                    pinned[group].append(entry.as_pinned())
        return pinned

    def _sweep(self, sweep: Sweep, pinned: Mapping[ObjectGroup, list[Entry]]) -> Iterator[Matte]:
        trackers = []
        for group, entries in pinned.items():
            if not entries:  # none of its keyframes could be read
                continue
            bank = self._new_bank()
            # Nearest last, so that the memory's interval counts from where the sweep begins.
            for entry in sorted(entries, key=lambda entry: -abs(entry.frame - sweep.frames.start)):
                bank.write(entry)
            trackers.append(Tracker(self._network, group, bank))
        for frame in sweep.frames:
            here = [tracker for tracker in trackers if sweep.reaches(tracker.group, frame)]
            pixels = self._read(frame) if here else None
            if pixels is None:
                continue
            features = self._network.encode(self._framing.apply(pixels, self._device))
            masks = self._step(frame, features, here)
            if frame in sweep.wanted:
                groups = [tracker.group for tracker in here]
                yield Matte(
                    frame=frame,
                    objects=tuple(number for group in groups for number in group.objects),
                    alpha=self._at_clip_size(frame, masks, groups),
                    shares=tuple(share(group, frame, sweep) for group in groups for _ in group.objects),
                )

    def _step(self, frame: int, features: Features, trackers: Sequence[Tracker]) -> Tensor:
        """Joint masks (O, H', W') of all groups at `frame`, learnt by each of them."""
        told = [frame in tracker.group.keyframes for tracker in trackers]
        parts = [
            self._given(tracker.group, frame) if known else tracker.predict(features)
            for tracker, known in zip(trackers, told, strict=True)
        ]
        taken = sum(part.sum(0) for part, known in zip(parts, told, strict=True) if known)
        parts = [part if known else part * (1 - taken) for part, known in zip(parts, told, strict=True)]
        if not all(told):
            joint = aggregate(torch.cat(parts)).split([len(part) for part in parts])
            parts = [part if known else new for part, new, known in zip(parts, joint, told, strict=True)]
        for tracker, part, known in zip(trackers, parts, told, strict=True):
            if known:
                tracker.accept(frame, features, part)
            else:
                tracker.learn(frame, features, part)
        return torch.cat(parts)

    def _given(self, group: ObjectGroup, frame: int) -> Tensor:
        """A keyframe's masks of `group`: (O, H', W')."""
        return self._framing.apply_masks(self._one_hot(group, frame).to(self._device))

    def _one_hot(self, group: ObjectGroup, frame: int) -> Tensor:
        labels = torch.from_numpy(self._truth[frame])
        return torch.stack([labels == number for number in group.objects]).float()

    def _at_clip_size(self, frame: int, masks: Tensor, groups: Sequence[ObjectGroup]) -> np.ndarray:
        """(O, H', W') -> (O, H, W) float32; a keyframe's own objects exactly as the user made them."""
        parts = list(self._framing.restore(masks).cpu().split([len(group.objects) for group in groups]))
        for i, group in enumerate(groups):
            if frame in group.keyframes:
                parts[i] = self._one_hot(group, frame)
            elif frame in self._truth:
                parts[i] = parts[i] * torch.from_numpy(self._truth[frame] == 0)
        return torch.cat(parts).numpy()
